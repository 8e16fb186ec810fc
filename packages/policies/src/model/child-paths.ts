import type { ForeignKey, Table } from '../catalogue/catalogue.ts'
import { displayName, ownName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { keyOf, type KnownTables } from './known-tables.ts'
import { didYouMean } from './nearest-names.ts'
import { type KnownKind, leadsToTenant } from './table-kinds.ts'
import type { ChildTableOptions } from './tenancy.ts'

/** A foreign key of a child and the table that it leads to. */
export interface Step {
  readonly foreignKey: ForeignKey
  /** The columns that say which row of the parent it is: those of the foreign key but the tenant column. */
  readonly columns: readonly string[]
  readonly parent: KnownKind
}

type Kinds = ReadonlyMap<string, KnownKind>

/** The foreign key by which each child reaches its tenant, with the problems of those that have none or several. */
export function childPaths(known: KnownTables, kinds: Kinds, problems: Problem[]): ReadonlyMap<string, Step> {
  const paths = new Map<string, Step>()
  const search = searchIn(known, kinds)
  for (const child of kinds.values()) {
    if (child.kind !== 'child') continue
    const found = pathOf(child, search)
    if ('code' in found) problems.push(found)
    else paths.set(keyOf(child.table), found)
  }
  for (const cycle of cyclesOf(paths, kinds)) {
    problems.push(cycleProblem(cycle, known))
    for (const each of cycle) paths.delete(keyOf(each.table))
  }
  return paths
}

/** All foreign keys by which tables of kind `child` reach a tenant without coming back to themselves. */
export function waysToTenants(known: KnownTables, kinds: Kinds): ReadonlyMap<string, readonly Step[]> {
  const search = searchIn(known, kinds)
  const children = [...kinds].filter(([, { kind }]) => kind === 'child')
  return new Map(children.map(([key, child]) => [key, waysFrom(child, search)]))
}

interface Search {
  readonly known: KnownTables
  readonly kinds: Kinds
  /** All foreign keys of each table to tables that take part. */
  readonly steps: ReadonlyMap<string, readonly Step[]>
}

function searchIn(known: KnownTables, kinds: Kinds): Search {
  const steps = new Map<string, readonly Step[]>()
  for (const each of kinds.values()) steps.set(keyOf(each.table), stepsFrom(each, known, kinds))
  return { known, kinds, steps }
}

/**
 * The foreign keys of a table, each way to go once: when a plan has run in part, a foreign key and the one with the tenant
 * that replaces it are there at once, and the older one comes first. Those of partitions' own are left out.
 */
function stepsFrom({ table, column }: KnownKind, known: KnownTables, kinds: Kinds): readonly Step[] {
  const steps = new Map<string, Step>()
  for (const foreignKey of table.foreignKeys.filter(({ inherited }) => !inherited)) {
    const target = known.rootOf(foreignKey.references)
    const parent = target && kinds.get(keyOf(target))
    if (!parent) continue
    const columns = foreignKey.columns.filter((each) => each !== column)
    const way = JSON.stringify([keyOf(parent.table), columns.toSorted()])
    const before = steps.get(way)
    if (!before || before.foreignKey.columns.length > foreignKey.columns.length) {
      steps.set(way, { foreignKey, columns, parent })
    }
  }
  return [...steps.values()]
}

function pathOf(child: KnownKind, search: Search): Step | Problem {
  const through = (child.options as ChildTableOptions | undefined)?.through
  const steps = search.steps.get(keyOf(child.table)) ?? []
  if (through !== undefined) return namedPath(child, through, steps, search)
  const ways = waysFrom(child, search)
  const [only, another] = ways
  if (!only) return noPath(child, steps, search)
  if (!another) return only
  const certain = ways.filter(({ columns }) => columns.every((column) => isNotNull(child.table, column)))
  return certain.length === 1 && certain[0] ? certain[0] : ambiguousPath(child, ways, search)
}

function waysFrom(child: KnownKind, search: Search): readonly Step[] {
  const steps = search.steps.get(keyOf(child.table)) ?? []
  return steps.filter((step) => step.columns.length > 0 && reaches(step, child, search))
}

/** Whether no row has NULL there. */
export function isNotNull(table: Table, column: string): boolean {
  return table.columns.some(({ name, notNull }) => name === column && notNull)
}

/** Whether a step leads to a tenant without coming back to the table where it began. */
function reaches(step: Step, start: KnownKind, { steps }: Search): boolean {
  const passed = new Set([keyOf(start.table)])
  const waiting = [step.parent]
  for (const parent of waiting) {
    const key = keyOf(parent.table)
    if (passed.has(key) || !leadsToTenant(parent.kind)) continue
    if (parent.kind !== 'child') return true
    passed.add(key)
    for (const next of steps.get(key) ?? []) waiting.push(next.parent)
  }
  return false
}

function namedPath(
  child: KnownKind,
  through: string | readonly string[],
  steps: readonly Step[],
  search: Search,
): Step | Problem {
  const names = typeof through === 'string' ? [through] : through
  const columns = names.filter((name) => name !== child.column).toSorted()
  const byName = steps.filter(({ foreignKey }) => names.length === 1 && isNamed(foreignKey, names[0] ?? ''))
  const byColumns = steps.filter(
    (step) => JSON.stringify(step.columns.toSorted()) === JSON.stringify(columns),
  )
  const found = byName.length > 0 ? byName : byColumns
  const [only] = found
  if (!only) return unknownKey(child, names, search)
  if (found.length > 1) return ambiguousPath(child, found, search)
  if (only.parent.table === child.table) return cycleProblem([child], search.known)
  return leadsToTenant(only.parent.kind) ? only : deadEnd(child, only, search)
}

/** By its own name, or by that under which a plan makes it anew. */
function isNamed({ name }: ForeignKey, given: string): boolean {
  return name === given || name === ownName(given)
}

function cyclesOf(paths: ReadonlyMap<string, Step>, kinds: Kinds): readonly (readonly KnownKind[])[] {
  const cycles: KnownKind[][] = []
  const seen = new Set<string>()
  for (const start of paths.keys()) {
    const way: string[] = []
    let key: string | undefined = start
    while (key !== undefined && !seen.has(key)) {
      seen.add(key)
      way.push(key)
      const parent: Table | undefined = paths.get(key)?.parent.table
      key = parent && keyOf(parent)
    }
    if (key === undefined || !way.includes(key)) continue
    cycles.push(way.slice(way.indexOf(key)).flatMap((each) => kinds.get(each) ?? []))
  }
  return cycles
}

/** `project_id -> public.projects -> …` to where the tenant is named, as far as the way is clear. */
function describe(step: Step, { steps }: Search, passed: ReadonlySet<string> = new Set()): string {
  const { parent } = step
  const here = `${step.columns.join(', ')} -> ${displayName(parent.table)}`
  const next = steps.get(keyOf(parent.table)) ?? []
  const ways = next.filter((each) => leadsToTenant(each.parent.kind) && each.columns.length > 0)
  const [only, another] = ways
  const key = keyOf(parent.table)
  if (parent.kind !== 'child' || !only || another || passed.has(key)) return here
  return `${here}, ${describe(only, { steps } as Search, new Set([...passed, key]))}`
}

/** What to write as `through`: the shortest that names this foreign key alone. */
function throughOf({ foreignKey, columns }: Step, ways: readonly Step[]): string {
  const same = ways.filter((each) => JSON.stringify(each.columns) === JSON.stringify(columns))
  if (same.length > 1) return `'${foreignKey.name}'`
  const quoted = columns.map((column) => `'${column}'`)
  return quoted.length === 1 ? (quoted[0] ?? '') : `[${quoted.join(', ')}]`
}

function ambiguousPath(child: KnownKind, ways: readonly Step[], search: Search): Problem {
  const name = search.known.shortName(child.table)
  const choices = ways.map((way) => `{ kind: 'child', through: ${throughOf(way, ways)} }`)
  return {
    code: 'AMBIGUOUS_PATH',
    object: displayName(child.table),
    message:
      `Several foreign keys lead from ${displayName(child.table)} to tenants, and its rows belong to one: ` +
      `${ways.map((way) => describe(way, search)).join('; ')}.`,
    fix: `Say which one to follow: '${name}': ${choices.join(' or ')}.`,
  }
}

function noPath(child: KnownKind, steps: readonly Step[], search: Search): Problem {
  const object = displayName(child.table)
  const others = steps.filter(({ parent }) => parent.table !== child.table)
  const circles = others.filter(({ parent, columns }) => parent.kind === 'child' && columns.length > 0)
  const back = circles.flatMap((step) => wayBack(step, child, search))
  if (back.length > 0) return cycleProblem([child, ...back], search.known)
  const column = child.table.columns.find(({ name }) => name === child.column)
  const ends = others.map(
    ({ foreignKey, parent }) =>
      `${foreignKey.columns.join(', ')} leads to ${displayName(parent.table)}, which is ${shownKind(parent.kind)}`,
  )
  const why =
    ends.length > 0
      ? `its foreign keys lead to no table that has a tenant: ${ends.join('; ')}`
      : steps.length > 0
        ? 'its only foreign key leads back to itself'
        : 'it has no foreign key to a table that has one'
  return {
    code: 'NO_PATH',
    object,
    message: `${object} is a child, but no tenant can be found for its rows: ${why}.`,
    fix: column
      ? `Make it '${search.known.shortName(child.table)}': 'tenant', as it has ${child.column} itself; or add a foreign key.`
      : `Add a foreign key to a table of kind 'tenant' or 'child', or give ${object} another kind.`,
  }
}

/** The children that a step passes until it comes back to where it began; empty if it does not. */
function wayBack(step: Step, start: KnownKind, search: Search): readonly KnownKind[] {
  const way: KnownKind[] = []
  const passed = new Set<string>()
  const follow = (next: Step): boolean => {
    if (next.parent.table === start.table) return true
    const key = keyOf(next.parent.table)
    if (next.parent.kind !== 'child' || passed.has(key)) return false
    passed.add(key)
    way.push(next.parent)
    if ((search.steps.get(key) ?? []).some(follow)) return true
    way.pop()
    return false
  }
  return follow(step) ? way : []
}

function shownKind(kind: KnownKind['kind']): string {
  if (kind === undefined) return 'of no kind yet'
  if (kind === 'child') return 'a child that finds none either'
  return kind === 'shared+tenant' ? "'shared+tenant', with rows that have no tenant" : `'${kind}'`
}

function deadEnd(child: KnownKind, { parent, foreignKey }: Step, { known }: Search): Problem {
  const object = displayName(child.table)
  return {
    code: 'NO_PATH',
    object,
    message:
      `${object} shall find its tenant through ${foreignKey.columns.join(', ')}, but that leads to ` +
      `${displayName(parent.table)}, which is ${shownKind(parent.kind)}.`,
    fix: `Make '${known.shortName(parent.table)}' a 'tenant' or a 'child', or go through another foreign key.`,
  }
}

function unknownKey(child: KnownKind, names: readonly string[], { known }: Search): Problem {
  const object = displayName(child.table)
  const all = child.table.foreignKeys.filter(({ inherited }) => !inherited)
  const same = all.find(
    (each) =>
      each.name === names[0] || JSON.stringify(each.columns.toSorted()) === JSON.stringify(names.toSorted()),
  )
  const written = `tables['${known.shortName(child.table)}'].through`
  if (same) {
    return {
      code: 'NO_PATH',
      object,
      message:
        `${object} shall find its tenant through ${same.columns.join(', ')}, but that leads to ` +
        `${displayName(same.references)}, which takes no part in the tenancy.`,
      fix: `Add schema "${same.references.schema}" to schemas, or go through another foreign key.`,
    }
  }
  const list = all.map(({ name, columns }) => `${name} (${columns.join(', ')})`).join(', ')
  const meant = didYouMean(
    names.join(', '),
    all.flatMap((each) => [each.name, each.columns.join(', ')]),
  )
  return {
    code: 'UNKNOWN_KEY',
    object,
    message:
      `${written}: ${object} has no foreign key ${names.map((name) => `"${name}"`).join(', ')}.${meant} ` +
      (list === '' ? 'It has none at all.' : `It has ${list}.`),
    fix: 'Give the name, the column or all columns of one of its foreign keys.',
  }
}

function cycleProblem(cycle: readonly KnownKind[], known: KnownTables): Problem {
  const names = cycle.map(({ table }) => displayName(table))
  // Begun at its first name, so that one cycle is one problem from wherever it was found.
  const first = names.indexOf(names.toSorted()[0] ?? '')
  const turned = [...names.slice(first), ...names.slice(0, first)]
  const start = cycle[first]
  return {
    code: 'PATH_CYCLE',
    object: turned[0] ?? '',
    message: `The paths of these children lead in a circle and to no tenant: ${[...turned, turned[0]].join(' -> ')}.`,
    fix:
      `Make one of them 'tenant', with a column of its own, or let it go through another foreign key: ` +
      `'${start ? known.shortName(start.table) : ''}': { kind: 'child', through: … }.`,
  }
}
