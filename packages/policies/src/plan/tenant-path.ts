import type { Column, ForeignKey, Index, Table } from '../catalogue/catalogue.ts'
import { identifier, qualified, sameName } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import type { PlanContext } from './plan.ts'

/** The tenant column as the catalogue has it; undefined in a child that does not have it yet. */
export function tenantColumn({ table, column }: ResolvedTable): Column | undefined {
  return columnOf(table, column)
}

export function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name)
}

/** Whether INHERITS hands the column down from another table with rows of tenants, which does not have it NOT NULL yet. */
export function inheritsColumn({ tenancy }: PlanContext, { table, column }: ResolvedTable): boolean {
  return table.inherits.some((parent) =>
    tenancy.tenantTables.some(
      (other) =>
        other.column === column && sameName(other.table, parent) && tenantColumn(other)?.notNull !== true,
    ),
  )
}

/** The tables that a change of a table's columns reaches too: its partitions, and those that inherit from it. */
export function tablesBelow(
  { tenancy }: PlanContext,
  { table, partitions }: ResolvedTable,
): readonly Table[] {
  const below = [...partitions]
  for (let found = heirsOf(tenancy.catalogue.tables, [table]); found.length > 0;) {
    below.push(...found)
    found = heirsOf(tenancy.catalogue.tables, found).filter((heir) => !below.includes(heir))
  }
  return below
}

function heirsOf(tables: readonly Table[], parents: readonly Table[]): readonly Table[] {
  return tables.filter(({ inherits }) =>
    inherits.some((name) => parents.some((each) => sameName(each, name))),
  )
}

/** Children with rows that may lack their tenant, parents before children. */
export function childrenToFill({ tenancy }: PlanContext): readonly ResolvedTable[] {
  return tenancy.tenantTables.filter((each) => each.kind === 'child' && tenantColumn(each)?.notNull !== true)
}

/** How the tenant of a child's row is found: in the row of the parent that these columns lead to. */
export interface TenantPath extends Pick<ForeignKey, 'columns' | 'referencedColumns'> {
  readonly parent: ResolvedTable
}

/**
 * The way from a child to its tenant, without the tenant column where the foreign key has it already. Undefined if there
 * is none, or if what is left does not lead to one row: ids that are unique only within a tenant do not tell which.
 */
export function tenantPath({ column, path }: ResolvedTable): TenantPath | undefined {
  if (!path) return undefined
  const { foreignKey, parent } = path
  const pairs = foreignKey.columns
    .map((own, at): [string, string] => [own, foreignKey.referencedColumns[at] ?? own])
    .filter(([own, referenced]) => own !== column || referenced !== parent.column)
  const referencedColumns = pairs.map(([, referenced]) => referenced)
  const carries = pairs.length < foreignKey.columns.length
  if (carries && !parent.table.indexes.some((index) => isKeyOf(index, referencedColumns))) return undefined
  return { parent, columns: pairs.map(([own]) => own), referencedColumns }
}

function isKeyOf({ unique, valid, predicate, columns }: Index, names: readonly string[]): boolean {
  return (
    unique &&
    valid &&
    predicate === null &&
    columns.length > 0 &&
    columns.every((each) => names.includes(each ?? ''))
  )
}

/** The join of a table with the one that a foreign key leads to, between two aliases. */
export function columnJoin(
  { columns, referencedColumns }: Pick<ForeignKey, 'columns' | 'referencedColumns'>,
  child: string,
  parent: string,
): string {
  return columns
    .map((column, at) => {
      const referenced = referencedColumns[at] ?? column
      return `${parent}.${identifier(referenced)} = ${child}.${identifier(column)}`
    })
    .join(' AND ')
}

/** Where the tenant of a row comes from: an expression, and the joins that it needs. */
export interface TenantSource {
  readonly expression: string
  /** `LEFT JOIN …`, in order. */
  readonly joins: readonly string[]
}

/**
 * The tenant of the rows of `alias`, whether or not its column, or that of a parent, exists or is filled yet.
 *
 * @param alias What the table is called in the query; joined tables are called `<alias>_parent`, and so on.
 */
export function tenantSource(each: ResolvedTable, alias: string): TenantSource {
  const existing = tenantColumn(each)
  const path = tenantPath(each)
  const own = `${alias}.${identifier(each.column)}`
  if (!path || existing?.notNull) return { expression: own, joins: [] }
  const parentAlias = `${alias}_parent`
  const parent = tenantSource(path.parent, parentAlias)
  const join = `LEFT JOIN ${qualified(path.parent.table)} AS ${parentAlias} ON ${columnJoin(path, alias, parentAlias)}`
  return {
    expression: existing ? `coalesce(${own}, ${parent.expression})` : parent.expression,
    joins: [join, ...parent.joins],
  }
}

/** The leaves below a partitioned table, which are what has rows; the table itself if it has none. */
export function leavesOf(table: Table, partitions: readonly Table[]): readonly Table[] {
  if (table.kind !== 'partitioned') return [table]
  return partitionsOf(table, partitions).flatMap((partition) => leavesOf(partition, partitions))
}

/** All partitions below a table, the deepest first. */
export function deepestFirst(table: Table, partitions: readonly Table[]): readonly Table[] {
  return partitionsOf(table, partitions).flatMap((partition) => [
    ...deepestFirst(partition, partitions),
    partition,
  ])
}

function partitionsOf(table: Table, partitions: readonly Table[]): readonly Table[] {
  return partitions.filter(({ partitionOf }) => partitionOf && sameName(partitionOf, table))
}
