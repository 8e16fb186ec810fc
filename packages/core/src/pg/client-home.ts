import { TenantryError } from '../errors.ts'
import type { Lease } from './lease.ts'
import type { PreludeFactory } from './prelude.ts'
import type { StatementNames } from './prepared-statements.ts'

/** What a client knows of the pool it belongs to. */
export interface ClientHome {
  readonly preludes: PreludeFactory
  /** What set-up statements act as: no tenant. */
  readonly setupLease: Lease
  /** Shared by the pool's connections; absent without the `prepare` option. */
  readonly statementNames: StatementNames | undefined
  /** Whether the pool holds this client, idle or checked out. */
  isPooled(client: object): boolean
}

/** Under which a pool passes itself to its clients, through the options that pg-pool hands to their constructor. */
export const HOME = Symbol('@tenantry/core/pg/home')

/** @throws TenantryError `CLIENT_NOT_CHECKED_OUT` for a client made without the pool's options */
export function homeOf(config: unknown): ClientHome {
  const home = (config as { [HOME]?: ClientHome } | undefined)?.[HOME]
  if (home !== undefined) return home
  throw new TenantryError({
    code: 'CLIENT_NOT_CHECKED_OUT',
    message:
      'A client of a TenantPool was made without its pool. Use pool.connect(), or new pool.Client(pool.options).',
  })
}
