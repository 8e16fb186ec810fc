import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import { keyOf, type KnownTables } from '../model/known-tables.ts'
import { holdsTenantIds } from '../model/tenant-type.ts'
import { usualColumnNames } from './words.ts'

/** A column that has the ids of tenants. */
export interface TenantColumn {
  readonly name: string
  readonly notNull: boolean
  /** Whether foreign keys lead from it to the tenant table, rather than its name and type saying so. */
  readonly byForeignKey: boolean
  /** Whether it is the table's whole primary key: one row a tenant, in a column that may be called `id`. */
  readonly isKey: boolean
  readonly reason: string
}

export interface Root {
  readonly table: Table
  readonly column: string
  readonly tenantType: string
}

type Columns = ReadonlyMap<string, readonly TenantColumn[]>

/**
 * The columns of each table that have ids of tenants: those that a foreign key pairs with the tenant table's key, or with
 * another such column, and those that are called and typed like them.
 */
export function tenantColumns(known: KnownTables, root: Root): Columns {
  const found = columnsByForeignKey(known, root)
  const names = usualNames(root, [...found.values()].flat())
  for (const table of known.tables) {
    if (table === root.table) continue
    // A foreign key says more than a name.
    if (found.has(keyOf(table))) continue
    const byName = columnsByName(table, root, names)
    if (byName.length > 0) found.set(keyOf(table), byName)
  }
  return found
}

function columnsByForeignKey(known: KnownTables, root: Root): Map<string, readonly TenantColumn[]> {
  const found = new Map<string, readonly TenantColumn[]>()
  let grows = true
  while (grows) {
    grows = false
    for (const table of known.tables) {
      if (table === root.table) continue
      const before = found.get(keyOf(table)) ?? []
      const more = pairedColumns(table, known, root, found).filter(
        ({ name }) => !before.some((each) => each.name === name),
      )
      if (more.length === 0) continue
      found.set(keyOf(table), [...before, ...unique(more)])
      grows = true
    }
  }
  return found
}

function pairedColumns(
  table: Table,
  known: KnownTables,
  root: Root,
  found: Columns,
): readonly TenantColumn[] {
  return table.foreignKeys.flatMap(({ columns, references, referencedColumns, inherited }) => {
    const target = known.rootOf(references)
    if (!target || inherited) return []
    const own =
      target === root.table ? [root.column] : (found.get(keyOf(target)) ?? []).map(({ name }) => name)
    return columns.flatMap((name, position) => {
      const referenced = referencedColumns[position] ?? ''
      if (!own.includes(referenced)) return []
      const reason = `a foreign key leads from ${name} to ${displayName(target)}.${referenced}`
      return { name, notNull: isNotNull(table, name), byForeignKey: true, isKey: isKey(table, name), reason }
    })
  })
}

/** What the columns with a foreign key are called, and what they would be called after the table. */
function usualNames(root: Root, withForeignKey: readonly TenantColumn[]): ReadonlySet<string> {
  const common = namesByFrequency(withForeignKey).slice(0, 1)
  return new Set([...common, ...usualColumnNames(root.table.name), 'tenant_id', 'tenantId'])
}

function columnsByName(table: Table, root: Root, names: ReadonlySet<string>): readonly TenantColumn[] {
  const elsewhere = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  return table.columns
    .filter(
      (column) =>
        names.has(column.name) && holdsTenantIds(column, root.tenantType) && !elsewhere.has(column.name),
    )
    .map(({ name, notNull }) => ({
      name,
      notNull,
      byForeignKey: false,
      isKey: isKey(table, name),
      reason: `its column ${name} is called like one with a tenant's id and has its type, without a foreign key`,
    }))
}

/**
 * The name that most of the tenant columns have, for the tenancy's `column`. It makes every table with a column of that
 * name a tenant table, so that it must not be one that others mostly have for something else, such as `id`.
 */
export function commonColumn(columns: Columns, known: KnownTables, root: Root): string | undefined {
  return namesByFrequency([...columns.values()].flat()).find((name) => {
    const all = known.tables.filter((table) => table !== root.table && hasColumn(table, name))
    const carrying = all.filter((table) => columns.get(keyOf(table))?.some((each) => each.name === name))
    return carrying.length * 2 > all.length
  })
}

/** Without those of keys, the commonest first; of two that are as common, by the alphabet. */
function namesByFrequency(columns: readonly TenantColumn[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const { name } of columns.filter(({ isKey: key }) => !key))
    counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts]
    .sort(([left, many], [right, more]) => more - many || (left < right ? -1 : 1))
    .map(([name]) => name)
}

function isKey({ indexes }: Table, name: string): boolean {
  return indexes.some(({ primary, columns }) => primary && columns.length === 1 && columns[0] === name)
}

function hasColumn({ columns }: Table, name: string): boolean {
  return columns.some((column) => column.name === name)
}

function isNotNull({ columns }: Table, name: string): boolean {
  return columns.some((column) => column.name === name && column.notNull)
}

function unique(columns: readonly TenantColumn[]): readonly TenantColumn[] {
  return [...new Map(columns.map((column) => [column.name, column])).values()]
}
