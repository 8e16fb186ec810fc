import { sql, type ColumnDefinitionBuilder } from 'kysely'

/**
 * What a tenant's column is in a migration: NOT NULL, with the tenant of the running transaction as its default, so
 * that inserts need not name it. For `addColumn`, of `createTable` and of `alterTable` alike.
 *
 * The database needs the function `tenantry.tenant_id()`, which `createTenantFunction()` makes, or a plan of `@tenantry/policies`.
 *
 * @example
 * ```ts no-run
 * await db.schema
 *   .createTable('projects')
 *   .addColumn('tenant_id', 'uuid', tenantColumn)
 *   .addColumn('id', 'uuid', (column) => column.notNull().defaultTo(sql`gen_random_uuid()`))
 *   .addPrimaryKeyConstraint('projects_pkey', ['tenant_id', 'id'])
 *   .execute()
 * ```
 */
export function tenantColumn(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.notNull().defaultTo(sql`tenantry.tenant_id()`)
}
