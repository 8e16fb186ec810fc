import { drizzle as drizzleOnNodePostgres, type NodePgClient } from 'drizzle-orm/node-postgres'
import { scopedDrizzle, type RefusedForms } from './scoped-drizzle.ts'

export type { RefusedForms }

/**
 * `drizzle()` of drizzle-orm/node-postgres, with the same forms of call, the same types and the same result, for a
 * `TenantPool` only. It refuses what would run without a scope, and a cache that would mix tenants.
 *
 * @throws TenantryError `UNSUPPORTED_DRIVER` for anything but a TenantPool
 * @throws TenantryError `INVALID_CONFIG` for a cache that is not wrapped with `tenantCache`, or for another tenancy
 * @example
 * ```ts no-run
 * const db = drizzle({ client: pool, schema })
 * await tenancy.run(tenantId, () => db.select().from(projects))
 * ```
 */
export const drizzle: RefusedForms<NodePgClient> & typeof drizzleOnNodePostgres = scopedDrizzle(
  drizzleOnNodePostgres,
  { name: 'a TenantPool of @tenantry/core/pg', variable: 'pool', method: 'connect' },
)
