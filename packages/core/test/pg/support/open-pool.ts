import type pg from 'pg'
import { onTestFinished } from 'vitest'
import { TenantPool } from '../../../src/pg/index.ts'
import type { TenantPoolOptions } from '../../../src/pg/index.ts'
import { tenancy } from './tenants.ts'

/** Ends a pool when the test is over, unless the test has. */
export function endAfterTest<Pool extends pg.Pool>(pool: Pool): Pool {
  onTestFinished(async () => {
    if (!pool.ending) await pool.end()
  }, 5_000)
  return pool
}

/** A TenantPool for one test. */
export function openPool(options: Omit<TenantPoolOptions, 'tenancy'>): TenantPool {
  return endAfterTest(new TenantPool({ tenancy, ...options }))
}
