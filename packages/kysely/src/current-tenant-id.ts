import { sql, type RawBuilder } from 'kysely'

/**
 * The tenant of the running transaction as an expression; NULL without one. Policies already keep other tenants' rows
 * out: this is for selecting the id, and for the places where a statement has to name it.
 *
 * @typeParam Id what the driver reads a tenant's id as, `string` by default
 *
 * @example
 * ```ts no-run
 * await db.selectNoFrom(currentTenantId().as('tenant')).executeTakeFirstOrThrow()
 * await db.selectFrom('projects').where('tenant_id', '=', currentTenantId()).selectAll().execute()
 * ```
 */
export function currentTenantId<Id = string>(): RawBuilder<Id> {
  return sql<Id>`(select tenantry.tenant_id())`
}
