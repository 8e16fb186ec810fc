import type { ForeignKeyAction, Table } from '../catalogue/catalogue.ts'
import { displayName, type QualifiedName } from '../identifiers.ts'
import { keyOf } from '../model/known-tables.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'

/** A foreign key that leads to a table with rows of tenants. */
export interface Reference {
  readonly name: string
  /** The table that it is on, where that has rows of tenants. */
  readonly source: ResolvedTable | undefined
  /** The table that it is on; a partition's own key counts as the whole table's. */
  readonly sourceTable: QualifiedName
  readonly columns: readonly string[]
  readonly target: ResolvedTable
  readonly targetColumns: readonly string[]
  readonly onDelete: ForeignKeyAction
  readonly validated: boolean
}

/** A foreign key as found in the catalogue or on the server. */
export interface RawReference {
  readonly name: string
  readonly table: QualifiedName
  readonly columns: readonly string[]
  readonly references: QualifiedName
  readonly referencedColumns: readonly string[]
  readonly onDelete: ForeignKeyAction
  readonly validated: boolean
}

/** The foreign keys of the catalogue between tables with rows of tenants. */
export function catalogueReferences(tenancy: ResolvedTenancy): readonly Reference[] {
  const raw = tenancy.catalogue.tables.flatMap((table) =>
    table.foreignKeys.filter((key) => !key.inherited).map((key) => ({ ...key, table: nameOf(table) })),
  )
  return referencesOf(tenancy, raw)
}

/** Those of the foreign keys that lead to tables with rows of tenants. */
export function referencesOf(tenancy: ResolvedTenancy, raw: readonly RawReference[]): readonly Reference[] {
  const owners = new Map<string, ResolvedTable>()
  for (const resolved of tenancy.tenantTables) {
    for (const table of [resolved.table, ...resolved.partitions]) owners.set(keyOf(table), resolved)
  }
  return raw.flatMap(({ table, references, referencedColumns, ...rest }) => {
    const target = owners.get(keyOf(references))
    if (!target) return []
    const source = owners.get(keyOf(table))
    const sourceTable = source ? nameOf(source.table) : table
    return [{ ...rest, source, sourceTable, target, targetColumns: referencedColumns }]
  })
}

/** Whether the key pairs tenant with tenant, so that it cannot lead to another tenant's row. */
export function carriesTenant({ source, columns, target, targetColumns }: Reference): boolean {
  return columns.some((column, at) => column === source?.column && targetColumns[at] === target.column)
}

/**
 * Whether another key of the same table makes sure of that: the plan leaves a key beside the one that carries the tenant
 * where only the old one's action can be had.
 */
export function staysWithinTenant(reference: Reference, all: readonly Reference[]): boolean {
  if (carriesTenant(reference)) return true
  return all.some(
    (other) =>
      other.validated &&
      other.source === reference.source &&
      other.target === reference.target &&
      carriesTenant(other) &&
      reference.columns.every((column, at) => {
        const position = other.columns.indexOf(column)
        return position !== -1 && other.targetColumns[position] === reference.targetColumns[at]
      }),
  )
}

/** Whether PostgreSQL changes or deletes rows of the key's own table when a row that they refer to goes. */
export function writesOnDelete({ onDelete }: Reference): boolean {
  return onDelete === 'CASCADE' || onDelete === 'SET NULL' || onDelete === 'SET DEFAULT'
}

/** `public.tasks (project_id)`, for messages. */
export function describeReference({ sourceTable, columns }: Reference): string {
  return `${displayName(sourceTable)} (${columns.join(', ')})`
}

function nameOf({ schema, name }: QualifiedName | Table): QualifiedName {
  return { schema, name }
}
