import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import { scopedDrizzle, type RefusedForms } from './scoped-drizzle.ts'

export type { RefusedForms }

/**
 * `drizzle()` of drizzle-orm/postgres-js, with the same forms of call, the same types and the same result, for what
 * `tenantPostgres` returns only. It refuses what would run without a scope, and a cache that would mix tenants.
 *
 * @throws TenantryError `UNSUPPORTED_DRIVER` for anything but what `tenantPostgres` returns
 * @throws TenantryError `INVALID_CONFIG` for a cache that is not wrapped with `tenantCache`, or for another tenancy
 * @example
 * ```ts no-run
 * const db = drizzle({ client: sql, schema })
 * await tenancy.run(tenantId, () => db.select().from(projects))
 * ```
 */
export const drizzle: RefusedForms<Sql> & typeof drizzleOnPostgresJs = scopedDrizzle(drizzleOnPostgresJs, {
  name: 'what tenantPostgres() of @tenantry/core/postgres-js returns',
  variable: 'sql',
  method: 'unsafe',
})
