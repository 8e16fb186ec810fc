import type { ColumnType } from 'kysely'

/**
 * The type of a table whose rows belong to a tenant: `Table` with the tenant's column, which PostgreSQL fills by its
 * default. It can be selected and compared; inserts and updates cannot name it, so that no code decides whose a row is.
 *
 * @typeParam Table the table's other columns
 * @typeParam Column the tenant's column, `'tenant_id'` by default; `'tenantId'` with Kysely's `CamelCasePlugin`
 * @typeParam Id what the driver reads a tenant's id as, `string` by default
 *
 * @example
 * ```ts no-run
 * interface Database {
 *   projects: TenantOwned<{ id: Generated<string>; name: string }>
 * }
 * ```
 */
export type TenantOwned<Table, Column extends string = 'tenant_id', Id = string> = Omit<Table, Column> & {
  readonly [Name in Column]: ColumnType<Id, never, never>
}
