import pg from 'pg'
import { endAfterTest, openPool } from './open-pool.ts'
import { tenancy, tenantId } from './tenants.ts'

/** A kind of pool that the tests of common behaviour run on: what they assert must hold for the plain one as well. */
export interface PoolKind {
  readonly kind: string
  /** A pool for one test, ended after it. */
  readonly open: (options: pg.PoolConfig) => pg.Pool
  /** The test, in whatever a statement of such a pool needs around it. */
  readonly inScope: (test: () => Promise<void>) => () => Promise<void>
}

export const poolKinds: readonly PoolKind[] = [
  {
    kind: 'pg.Pool',
    open: (options) => endAfterTest(new pg.Pool(options)),
    inScope: (test) => test,
  },
  {
    kind: 'TenantPool',
    open: openPool,
    inScope: (test) => () => tenancy.run(tenantId(1), test),
  },
]
