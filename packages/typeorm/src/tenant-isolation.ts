import { tableIsolation, type TableIsolationOptions } from '@tenantry/policies'
import type { QueryRunner, Table } from 'typeorm'
import { findTable } from './find-table.ts'
import { runStatements } from './run-statements.ts'

/** Options of {@link enableTenantIsolation} and {@link disableTenantIsolation}: the same for both. */
export type TenantIsolationOptions = Omit<TableIsolationOptions, 'table'>

/**
 * For a migration, after the table is made: the policies `tenantry_allow` and `tenantry_floor`, row level security enabled
 * and forced, and the application's rights. A plan of `@tenantry/policies` makes the same, and finds nothing to do then.
 *
 * From here on the owner sees no row of the table, without an error: fill it before, or with {@link forEachTenant}.
 *
 * @param queryRunner what the migration is given, of the role that owns the table
 * @param table as other methods of the query runner take it: its name, `schema.name`, or a `Table`
 * @param options what differs from `tenant_id`, a uuid, for `tenantry_app`
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * async function up(queryRunner: QueryRunner): Promise<void> {
 *   await queryRunner.query('CREATE TABLE notes (tenant_id uuid NOT NULL DEFAULT tenantry.tenant_id(), note text)')
 *   await enableTenantIsolation(queryRunner, 'notes')
 * }
 * ```
 */
export async function enableTenantIsolation(
  queryRunner: QueryRunner,
  table: Table | string,
  options: TenantIsolationOptions = {},
): Promise<void> {
  const found = await findTable(queryRunner, table)
  await runStatements(queryRunner, tableIsolation({ ...options, table: found }).enable)
}

/**
 * Takes back what {@link enableTenantIsolation} made, for `down`. The application has no right on the table afterwards, for
 * without policies it would see the rows of all tenants.
 *
 * @param queryRunner what the migration is given
 * @param table as other methods of the query runner take it: its name, `schema.name`, or a `Table`
 * @param options those given to {@link enableTenantIsolation}
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * async function down(queryRunner: QueryRunner): Promise<void> {
 *   await disableTenantIsolation(queryRunner, 'notes')
 * }
 * ```
 */
export async function disableTenantIsolation(
  queryRunner: QueryRunner,
  table: Table | string,
  options: TenantIsolationOptions = {},
): Promise<void> {
  const found = await findTable(queryRunner, table)
  await runStatements(queryRunner, tableIsolation({ ...options, table: found }).disable)
}
