import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import { isBookkeepingTable } from '../model/bookkeeping-tables.ts'
import type { KnownTables } from '../model/known-tables.ts'
import { holdsTenantIds, tenantTypeOf } from '../model/tenant-type.ts'
import type { RootCandidate } from './inference.ts'
import type { Root } from './tenant-columns.ts'
import { isReferenceData, looksLikePeople, tenantWord, usualColumnNames } from './words.ts'

/** Below this nobody would take a table for that of the tenants. */
const WORTH_MENTIONING = 20
/** From here on it may well be. */
const CONVINCING = 45
export interface ScoredRoot extends RootCandidate {
  readonly root: Root
  /** Whether its name is one that tables of tenants have. */
  readonly familiarName: boolean
}

/** The tables that may have a row a tenant, the likeliest first. */
export function rootCandidates(known: KnownTables): readonly ScoredRoot[] {
  const tables = known.tables.filter(
    (table) => table.extension === null && table.kind !== 'foreign' && !isBookkeepingTable(table.name),
  )
  const search: Search = {
    known,
    tables,
    referrers: referrersOf(tables, known),
    byColumn: tablesByColumn(tables),
  }
  return tables
    .flatMap((table) => scored(table, search))
    .filter(({ score }) => score >= WORTH_MENTIONING)
    .sort((left, right) => right.score - left.score || (left.table < right.table ? -1 : 1))
}

/** The one that it must be: convincing, and no other is. Tenants may be divided again, into workspaces, say. */
export function clearRoot(candidates: readonly ScoredRoot[]): ScoredRoot | undefined {
  const [first, ...others] = candidates.filter(({ score }) => score >= CONVINCING)
  return others.length === 0 ? first : undefined
}

/** A table as the root, if it has a key that tenants can be told apart by. */
export function asRoot(table: Table): Root | undefined {
  const key = table.indexes.find(({ primary }) => primary)
  const column = table.columns.find(({ name }) => key?.columns.length === 1 && name === key.columns[0])
  const tenantType = column && tenantTypeOf(column)
  return column && tenantType !== undefined ? { table, column: column.name, tenantType } : undefined
}

/** By what their rows are usually called elsewhere, the tables that have a key of one column. */
export function keysByUsualName(tables: readonly Table[]): ReadonlyMap<string, readonly Root[]> {
  const keys = new Map<string, Root[]>()
  for (const root of tables.flatMap((table) => asRoot(table) ?? [])) {
    for (const name of usualColumnNames(root.table.name)) {
      const same = keys.get(name)
      if (same) same.push(root)
      else keys.set(name, [root])
    }
  }
  return keys
}

interface Search {
  readonly known: KnownTables
  readonly tables: readonly Table[]
  /** The tables that refer to each. */
  readonly referrers: ReadonlyMap<Table, ReadonlySet<Table>>
  readonly byColumn: ReadonlyMap<string, readonly Table[]>
}

function scored(table: Table, search: Search): readonly ScoredRoot[] {
  const root = asRoot(table)
  if (!root) return []
  const others = Math.max(1, search.tables.length - 1)
  const named = tablesThatName(root, search)
  const [column, direct] = named
  if (direct === 0) return []
  const reached = reach(table, search)
  const word = tenantWord(table.name)
  const signs: readonly (readonly [number, string])[] = [
    [word, `its name is one that tables of tenants have`],
    [
      Math.round((40 * direct) / others) + Math.min(20, 4 * direct),
      `${direct} of ${others} other tables have its id in ${column}`,
    ],
    [
      Math.round((15 * reached) / others),
      `${reached} of ${others} other tables reach it through foreign keys`,
    ],
    ...signsOfItself(table, search),
  ]
  const counted = signs.filter(([points]) => points !== 0)
  return [
    {
      table: search.known.shortName(table),
      score: counted.reduce((sum, [points]) => sum + points, 0),
      reasons: counted.map(([, reason]) => reason),
      familiarName: word > 0,
      root,
    },
  ]
}

function signsOfItself(table: Table, { known }: Search): readonly (readonly [number, string])[] {
  const billing = table.columns.filter(({ name }) =>
    /^(slug|subdomain|domain|plan|plan_?id|billing_.*|stripe_.*|trial_.*|subscription_.*)$/i.test(name),
  )
  const within = table.foreignKeys.flatMap(({ columns, references }) => {
    const target = known.rootOf(references)
    const always = columns.every((name) =>
      table.columns.some((column) => column.name === name && column.notNull),
    )
    return target && target !== table && always && tenantWord(target.name) > 0 ? [target] : []
  })
  const billed = billing.map(({ name }) => name).join(', ')
  return [
    [Math.min(10, 5 * billing.length), `it has ${billed}, as customers have`],
    [within[0] ? -20 : 0, `it belongs to ${within[0] ? displayName(within[0]) : ''} itself`],
    [looksLikePeople(table) ? -30 : 0, 'its rows look like people'],
    [isReferenceData(table.name) ? -40 : 0, 'its name is one of data that is the same for everybody'],
  ]
}

/** By which column most tables name its rows, and how many do; with a foreign key, or by the name and the type. */
function tablesThatName(root: Root, { known, referrers, byColumn }: Search): readonly [string, number] {
  const tables = new Map<string, Set<Table>>()
  const count = (column: string, table: Table): void => {
    tables.set(column, (tables.get(column) ?? new Set<Table>()).add(table))
  }
  for (const table of referrers.get(root.table) ?? []) {
    for (const { columns, references, referencedColumns } of table.foreignKeys) {
      const [column, ...more] = columns
      if (column === undefined || more.length > 0 || known.rootOf(references) !== root.table) continue
      if (referencedColumns[0] === root.column && table !== root.table) count(column, table)
    }
  }
  for (const name of usualColumnNames(root.table.name)) {
    for (const table of byColumn.get(name) ?? []) {
      if (table !== root.table && namesWithoutForeignKey(table, name, root)) count(name, table)
    }
  }
  const [commonest] = [...tables].sort(
    ([left, many], [right, more]) => more.size - many.size || (left < right ? -1 : 1),
  )
  return commonest ? [commonest[0], commonest[1].size] : ['', 0]
}

function namesWithoutForeignKey(table: Table, name: string, root: Root): boolean {
  const column = table.columns.find((each) => each.name === name)
  const free = table.foreignKeys.every(({ columns }) => columns.length > 1 || columns[0] !== name)
  return column !== undefined && free && holdsTenantIds(column, root.tenantType)
}

function reach(table: Table, { referrers }: Search): number {
  const reached = new Set([table])
  for (const each of reached) for (const referrer of referrers.get(each) ?? []) reached.add(referrer)
  return reached.size - 1
}

/** The tables that refer to each. */
export function referrersOf(
  tables: readonly Table[],
  known: KnownTables,
): ReadonlyMap<Table, ReadonlySet<Table>> {
  const referrers = new Map<Table, Set<Table>>()
  for (const table of tables) {
    for (const { references } of table.foreignKeys) {
      const target = known.rootOf(references)
      if (target) referrers.set(target, (referrers.get(target) ?? new Set<Table>()).add(table))
    }
  }
  return referrers
}

function tablesByColumn(tables: readonly Table[]): ReadonlyMap<string, readonly Table[]> {
  const byColumn = new Map<string, Table[]>()
  for (const table of tables) {
    for (const { name } of table.columns) {
      const same = byColumn.get(name)
      if (same) same.push(table)
      else byColumn.set(name, [table])
    }
  }
  return byColumn
}
