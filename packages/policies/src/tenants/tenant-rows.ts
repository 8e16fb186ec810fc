import { displayName, identifier, literal, qualified } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'

/**
 * The table in a FROM: with its partitions, but without tables that inherit from it, which take part by themselves and
 * whose rows would otherwise count twice.
 */
export function rowsOf({ table }: ResolvedTable): string {
  return table.kind === 'table' ? `ONLY ${qualified(table)}` : qualified(table)
}

/** That a row is the tenant's, whose id is the parameter `$1`. */
export function isTenants(tenancy: ResolvedTenancy, { column }: ResolvedTable, alias: string): string {
  return `${alias}.${identifier(column)} = $1::${tenancy.tenantType}`
}

/** The same where parameters cannot be used, as in COPY. */
export function isTenantsLiteral(
  tenancy: ResolvedTenancy,
  { column }: ResolvedTable,
  alias: string,
  id: string,
): string {
  return `${alias}.${identifier(column)} = ${literal(id).trim()}::${tenancy.tenantType}`
}

/** How many rows of the tenant each table has, in one statement and so of one moment, in the order of the tables. */
export async function countRows(
  query: Query,
  tenancy: ResolvedTenancy,
  tables: readonly ResolvedTable[],
  id: string,
): Promise<ReadonlyMap<ResolvedTable, number>> {
  if (tables.length === 0) return new Map()
  const counts = tables.map(
    (table, position) =>
      `SELECT ${position} AS position, count(*)::text AS rows FROM ${rowsOf(table)} AS t ` +
      `WHERE ${isTenants(tenancy, table, 't')}`,
  )
  const { rows } = await query(counts.join(' UNION ALL '), [id])
  const byPosition = new Map(rows.map((row) => [Number(row['position']), Number(row['rows'])]))
  return new Map(tables.map((table, position) => [table, byPosition.get(position) ?? 0]))
}

/** Whether there is a row of the tenant anywhere, its own in the tenant table first of all. */
export async function hasRows(query: Query, tenancy: ResolvedTenancy, id: string): Promise<boolean> {
  const each = tenancy.tenantTables.map(
    (table) => `EXISTS (SELECT FROM ${rowsOf(table)} AS t WHERE ${isTenants(tenancy, table, 't')})`,
  )
  const { rows } = await query(`SELECT (${each.join(' OR ')})::text AS found`, [id])
  return rows[0]?.['found'] === 'true'
}

/** Tables that have no tenant column yet: whose rows are the tenant's cannot be told there. */
export function tablesWithoutTenant(tables: readonly ResolvedTable[]): Problem[] {
  return tables
    .filter(({ table, column }) => !table.columns.some(({ name }) => name === column))
    .map(({ table, column }) => ({
      code: 'UNKNOWN_COLUMN',
      object: `${displayName(table)}.${column}`,
      message: `${displayName(table)} has no column "${column}" yet, so that its rows do not say whose they are.`,
      fix: 'Apply the plan of planTenancy() first, which adds and fills it, and read the catalogue again.',
    }))
}
