import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { isBookkeepingTable } from './bookkeeping-tables.ts'
import { keyOf, type KnownTables } from './known-tables.ts'
import type { TableKind, TableOptions, Tenancy } from './tenancy.ts'

/** A table and what it is in the tenancy. */
export interface KnownKind {
  readonly table: Table
  /** Undefined: neither the tenancy nor the table itself says. */
  readonly kind: TableKind | 'root' | undefined
  /** What the tenancy says about it, if anything. */
  readonly options: TableOptions | undefined
  /** The column with the tenant's id, by its name; of tables of other kinds the tenancy's. */
  readonly column: string
}

/** Which table the tenancy means by each name, with the problems of those that stand for none. */
export function namedTables(
  tables: Tenancy['tables'],
  tenantTable: string,
  known: KnownTables,
  root: Table | undefined,
  problems: Problem[],
): ReadonlyMap<Table, TableOptions> {
  const named = new Map<Table, TableOptions>()
  const names = new Map<Table, string>()
  for (const [name, options] of tables) {
    const found = known.find(name, 'tables:')
    if ('code' in found) {
      problems.push(found)
      continue
    }
    const before = found === root ? tenantTable : names.get(found)
    if (before !== undefined) problems.push(namedTwice(found, before, name, found === root))
    else {
      named.set(found, options)
      names.set(found, name)
    }
  }
  return named
}

/**
 * What each table is: what the tenancy says; else `excluded` if an extension owns it, `tenant` if it has the tenant
 * column, `excluded` if it is a migration tool's. The rest is for people to decide.
 */
export function tableKinds(
  tenancy: Tenancy,
  known: KnownTables,
  root: { readonly table: Table; readonly column: string } | undefined,
  named: ReadonlyMap<Table, TableOptions>,
): ReadonlyMap<string, KnownKind> {
  const kinds = new Map<string, KnownKind>()
  for (const table of known.tables) {
    const options = named.get(table)
    const column = (options && 'column' in options ? options.column : undefined) ?? tenancy.column
    if (table === root?.table) kinds.set(keyOf(table), { table, kind: 'root', options, column: root.column })
    else
      kinds.set(keyOf(table), { table, kind: options?.kind ?? defaultKind(table, column), options, column })
  }
  return kinds
}

function defaultKind(table: Table, column: string): TableKind | undefined {
  if (table.extension !== null) return 'excluded'
  if (table.columns.some(({ name }) => name === column)) return 'tenant'
  return isBookkeepingTable(table.name) ? 'excluded' : undefined
}

/** Whether rows of such a table always belong to one tenant, so that a foreign key to them leads to it. */
export function leadsToTenant(kind: KnownKind['kind']): boolean {
  return kind === 'root' || kind === 'tenant' || kind === 'child'
}

/** Whether a table of such a kind has a tenant column, or will have one. */
export function isScoped(kind: KnownKind['kind']): boolean {
  return leadsToTenant(kind) || kind === 'shared+tenant'
}

function namedTwice(table: Table, before: string, name: string, isRoot: boolean): Problem {
  return {
    code: 'AMBIGUOUS_NAME',
    object: displayName(table),
    message: isRoot
      ? `tables: "${name}" is the tenant table itself, which is no other kind of table besides.`
      : `tables: "${before}" and "${name}" are the same table.`,
    fix: `Leave "${name}" out of tables.`,
  }
}
