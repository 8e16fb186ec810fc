import { didYouMean, either } from './nearest-names.ts'
import {
  checkOptionNames,
  type Mistakes,
  nameOf,
  namesOf,
  oneOf,
  properties,
  shown,
  tableNameOf,
} from './option-checks.ts'
import type { TableKind, TableOptions } from './tenancy.ts'

const KEY_OPTIONS = ['globalKeys', 'primaryKey', 'queries'] as const

const OPTIONS: Readonly<Record<TableKind, readonly string[]>> = {
  tenant: ['kind', 'column', ...KEY_OPTIONS],
  child: ['kind', 'through', 'column', ...KEY_OPTIONS],
  shared: ['kind', 'writable'],
  'shared+tenant': ['kind', 'column', ...KEY_OPTIONS],
  excluded: ['kind'],
}

export const TABLE_KINDS = Object.keys(OPTIONS) as readonly TableKind[]

/** The `tables` of a tenancy, a kind alone written out as options. */
export function parseTables(value: unknown, mistakes: Mistakes): Map<string, TableOptions> {
  const tables = new Map<string, TableOptions>()
  const given = value === undefined ? new Map<string, unknown>() : properties(value, 'tables', mistakes)
  for (const [name, options] of given ?? []) {
    if (tableNameOf(name, `tables: the name ${shown(name)}`, mistakes) === undefined) continue
    const parsed = parseTable(options, `tables[${shown(name)}]`, mistakes)
    if (parsed) tables.set(name, Object.freeze(parsed))
  }
  return tables
}

function parseTable(value: unknown, where: string, mistakes: Mistakes): TableOptions | undefined {
  if (typeof value === 'string') {
    const kind = oneOf(value, TABLE_KINDS, where, mistakes)
    return kind && { kind }
  }
  if (typeof value !== 'object' || value === null) {
    mistakes.push(`${where} is ${shown(value)}. Give a kind, ${either(TABLE_KINDS)}, or options with a kind.`)
    return undefined
  }
  const given = properties(value, where, mistakes)
  if (!given) return undefined
  if (!given.has('kind')) {
    mistakes.push(`${where} has no kind. Give kind: ${either(TABLE_KINDS)}.`)
    return undefined
  }
  const kind = oneOf(given.get('kind'), TABLE_KINDS, `${where}.kind`, mistakes)
  if (!kind) return undefined
  checkTableOptionNames(kind, [...given.keys()], where, mistakes)
  return parseOptions(kind, given, where, mistakes)
}

/** An option of another kind is no misspelling: it says which kinds have it. */
function checkTableOptionNames(
  kind: TableKind,
  given: readonly string[],
  where: string,
  mistakes: Mistakes,
): void {
  const known = OPTIONS[kind]
  for (const name of given.filter((each) => !known.includes(each))) {
    const kinds = TABLE_KINDS.filter((each) => OPTIONS[each].includes(name))
    const elsewhere = [...new Set(Object.values(OPTIONS).flat())]
    if (kinds.length > 0) {
      mistakes.push(
        `${where} is of kind "${kind}", which has no option "${name}": that is for ${either(kinds)}. ` +
          `Leave it out, or give the kind that is meant.`,
      )
    } else if (didYouMean(name, known) === '' && didYouMean(name, elsewhere) !== '') {
      mistakes.push(`${where} has no option ${shown(name)}.${didYouMean(name, elsewhere)}`)
    } else checkOptionNames([name], known, where, mistakes)
  }
}

function parseOptions(
  kind: TableKind,
  given: ReadonlyMap<string, unknown>,
  where: string,
  mistakes: Mistakes,
): TableOptions {
  if (kind === 'excluded') return { kind }
  if (kind === 'shared') {
    const writable = given.get('writable')
    if (writable !== undefined && typeof writable !== 'boolean') {
      mistakes.push(`${where}.writable is ${shown(writable)}. Give true or false.`)
    }
    return typeof writable === 'boolean' ? { kind, writable } : { kind }
  }
  const column = nameOf(given.get('column'), `${where}.column`, mistakes)
  const globalKeys = namesOf(given.get('globalKeys'), `${where}.globalKeys`, 'names of unique keys', mistakes)
  const primaryKey = oneOf(
    given.get('primaryKey'),
    ['composite', 'keep'] as const,
    `${where}.primaryKey`,
    mistakes,
  )
  if (kind === 'shared+tenant' && primaryKey === 'composite') {
    mistakes.push(
      `${where}.primaryKey is "composite", but a table of kind "shared+tenant" has rows without a tenant, ` +
        'which no primary key can hold. Leave it out.',
    )
  }
  const queries = parseQueries(given.get('queries'), `${where}.queries`, mistakes)
  const common = {
    ...(column === undefined ? {} : { column }),
    ...(globalKeys === undefined ? {} : { globalKeys }),
    ...(primaryKey === undefined ? {} : { primaryKey }),
    ...(queries === undefined ? {} : { queries }),
  }
  if (kind !== 'child') return { kind, ...common }
  const through = parseThrough(given.get('through'), `${where}.through`, mistakes)
  return { kind, ...common, ...(through === undefined ? {} : { through }) }
}

function parseThrough(
  value: unknown,
  where: string,
  mistakes: Mistakes,
): string | readonly string[] | undefined {
  if (!Array.isArray(value)) return nameOf(value, where, mistakes)
  if (value.length > 0) return namesOf(value, where, 'columns of a foreign key', mistakes)
  mistakes.push(`${where} is an empty list. Give the name, the column or the columns of a foreign key.`)
  return undefined
}

function parseQueries(
  value: unknown,
  where: string,
  mistakes: Mistakes,
): readonly (readonly string[])[] | undefined {
  if (value === undefined) return undefined
  const example = "Give lists of columns, such as [['project_id', 'status']]."
  if (!Array.isArray(value)) {
    mistakes.push(`${where} is ${shown(value)}. ${example}`)
    return undefined
  }
  const given: readonly unknown[] = [...(value as readonly unknown[])]
  const shapes = given.map((shape, index) => {
    const at = `${where}[${index}]`
    if (Array.isArray(shape) && shape.length > 0) return namesOf(shape, at, 'columns', mistakes)
    mistakes.push(`${at} is ${Array.isArray(shape) ? 'an empty list' : shown(shape)}. ${example}`)
    return undefined
  })
  return Object.freeze(shapes.filter((shape) => shape !== undefined))
}
