import { tableIsolation, type TableIsolationOptions } from '@tenantry/policies'
import type { Kysely } from 'kysely'
import { findTable } from './find-table.ts'
import { runStatements } from './run-statements.ts'

/** Options of {@link enableTenantIsolation} and {@link disableTenantIsolation}: the same for both. */
export type TenantIsolationOptions = Omit<TableIsolationOptions, 'table'>

/**
 * For a migration, after the table is made: the policies `tenantry_allow` and `tenantry_floor`, row level security enabled
 * and forced, and the application's rights. A plan of `@tenantry/policies` makes the same, and finds nothing to do then.
 *
 * From here on the owner sees no row of the table, without an error: fill it before.
 *
 * @param db what the migration is given, of the role that owns the table; `withSchema` says in which schema it is
 * @param table its name in SQL, whatever the `CamelCasePlugin` makes of others; `schema.name` for another schema
 * @param options what differs from `tenant_id`, a uuid, for `tenantry_app`
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * export async function up(db: Kysely<unknown>): Promise<void> {
 *   await db.schema.createTable('notes').addColumn('tenant_id', 'uuid', tenantColumn).addColumn('text', 'text').execute()
 *   await enableTenantIsolation(db, 'notes')
 * }
 * ```
 */
export async function enableTenantIsolation<Database>(
  db: Kysely<Database>,
  table: string,
  options: TenantIsolationOptions = {},
): Promise<void> {
  await runStatements(db, tableIsolation({ ...options, table: await findTable(db, table) }).enable)
}

/**
 * Takes back what {@link enableTenantIsolation} made, for `down`. The application has no right on the table afterwards, for
 * without policies it would see the rows of all tenants.
 *
 * @param db what the migration is given
 * @param table its name in SQL
 * @param options those given to {@link enableTenantIsolation}
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * export async function down(db: Kysely<unknown>): Promise<void> {
 *   await disableTenantIsolation(db, 'notes')
 * }
 * ```
 */
export async function disableTenantIsolation<Database>(
  db: Kysely<Database>,
  table: string,
  options: TenantIsolationOptions = {},
): Promise<void> {
  await runStatements(db, tableIsolation({ ...options, table: await findTable(db, table) }).disable)
}
