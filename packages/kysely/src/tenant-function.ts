import { tenantFunctionIsolation, type IsolationOptions } from '@tenantry/policies'
import type { Kysely } from 'kysely'
import { runStatements } from './run-statements.ts'

/**
 * For the first migration: the schema `tenantry` with the function `tenantry.tenant_id()`, which `tenantColumn` and
 * `currentTenantId()` call. Not needed where a plan of `@tenantry/policies` has made it.
 *
 * @param db what the migration is given
 * @param options what differs from a uuid, read from `app.current_tenant_id`, for `tenantry_app`
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * export async function up(db: Kysely<unknown>): Promise<void> {
 *   await createTenantFunction(db, { tenantId: 'uuid' })
 *   await db.schema.createTable('tenants').addColumn('id', 'uuid', (column) => column.primaryKey()).execute()
 *   await enableTenantIsolation(db, 'tenants', { kind: 'root' })
 * }
 * ```
 */
export function createTenantFunction<Database>(
  db: Kysely<Database>,
  options: IsolationOptions = {},
): Promise<void> {
  return runStatements(db, tenantFunctionIsolation(options).enable)
}

/**
 * Takes back what {@link createTenantFunction} made, once no default calls it.
 *
 * @param db what the migration is given
 *
 * @example
 * ```ts no-run
 * export async function down(db: Kysely<unknown>): Promise<void> {
 *   await db.schema.dropTable('tenants').execute()
 *   await dropTenantFunction(db)
 * }
 * ```
 */
export function dropTenantFunction<Database>(db: Kysely<Database>): Promise<void> {
  return runStatements(db, tenantFunctionIsolation().disable)
}
