import type { Column, Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { keyOf, type KnownTables } from './known-tables.ts'
import { didYouMean } from './nearest-names.ts'
import { isScoped, type KnownKind } from './table-kinds.ts'
import { holdsTenantIds } from './tenant-type.ts'

type Kinds = ReadonlyMap<string, KnownKind>

/** What keeps one table from being of its kind. `tenantType` undefined: not known, so that types are not compared. */
export function tableProblems(
  each: KnownKind,
  tenantType: string | undefined,
  known: KnownTables,
  kinds: Kinds,
): readonly Problem[] {
  if (!isScoped(each.kind)) return []
  return [
    ...foreignProblems(each, known),
    ...inheritanceProblems(each, known, kinds),
    ...(each.kind === 'root' ? [] : columnProblems(each, tenantType, known, kinds)),
    ...queryProblems(each),
    ...globalKeyProblems(each),
  ]
}

/** Row level security is nothing that a foreign table has. */
function foreignProblems({ table, kind }: KnownKind, known: KnownTables): readonly Problem[] {
  // That of the tenant table was told where it was found.
  const own = kind === 'root' ? [] : [table]
  return [...own, ...known.partitionsOf(table)]
    .filter((each) => each.kind === 'foreign')
    .map((each) => ({
      code: 'UNSUPPORTED_TABLE',
      object: displayName(each),
      message:
        each === table
          ? `${displayName(each)} is a foreign table: PostgreSQL has no row level security for those, and no keys.`
          : `${displayName(each)}, a partition of ${displayName(table)}, is a foreign table: PostgreSQL has no row level security for those.`,
      fix:
        each === table
          ? `Leave it alone: '${known.shortName(table)}': 'excluded'.`
          : `Detach the partition, or leave the whole table alone: '${known.shortName(table)}': 'excluded'.`,
    }))
}

/** Who reads the parent of an inherited table reads its rows too, and only the parent's policies ask who it is. */
function inheritanceProblems({ table }: KnownKind, known: KnownTables, kinds: Kinds): readonly Problem[] {
  return table.inherits.flatMap((name) => {
    const found = known.rootOf(name)
    const parent = found && kinds.get(keyOf(found))
    if (parent?.kind !== 'shared') return []
    return {
      code: 'UNSUPPORTED_TABLE',
      object: displayName(table),
      message:
        `${displayName(table)} inherits from ${displayName(name)}, which is 'shared': whoever reads that one reads ` +
        "every tenant's rows of this one.",
      fix: `Give '${known.shortName(name)}' a kind with tenants, exclude it, or end the inheritance (ALTER TABLE … NO INHERIT).`,
    }
  })
}

function columnProblems(
  each: KnownKind,
  tenantType: string | undefined,
  known: KnownTables,
  kinds: Kinds,
): readonly Problem[] {
  const column = each.table.columns.find(({ name }) => name === each.column)
  if (!column) return each.kind === 'child' ? [] : [missingColumn(each, known)]
  if (tenantType !== undefined && !holdsTenantIds(column, tenantType)) {
    return [wrongType(each, column, tenantType, known)]
  }
  if (column.generated !== null || column.identity !== null) return [generatedColumn(each, column)]
  return otherMeaning(each, known, kinds)
}

function missingColumn({ table, column, kind }: KnownKind, known: KnownTables): Problem {
  const object = displayName(table)
  const name = known.shortName(table)
  const meant = didYouMean(
    column,
    table.columns.map((each) => each.name),
  )
  return {
    code: 'UNKNOWN_COLUMN',
    object: `${object}.${column}`,
    message: `${object} is '${kind ?? ''}', but has no column "${column}".${meant}`,
    fix:
      `Give the column that names the tenant, '${name}': { kind: '${kind ?? ''}', column: … }, ` +
      `or make it '${name}': 'child' if a foreign key leads to the tenant: the plan then adds the column.`,
  }
}

function wrongType(
  { table, kind }: KnownKind,
  column: Column,
  tenantType: string,
  known: KnownTables,
): Problem {
  const object = `${displayName(table)}.${column.name}`
  const name = known.shortName(table)
  const there = `${object} is of type ${column.type}, but tenants' ids are of type ${tenantType}`
  return {
    code: 'WRONG_TYPE',
    object,
    message: kind === 'child' ? `${there}, so that it is something else, or has to be changed.` : `${there}.`,
    fix:
      kind === 'child'
        ? `Give another name for the column to add, '${name}': { kind: 'child', column: … }, or change its type.`
        : `Change its type (ALTER TABLE … ALTER COLUMN … TYPE ${tenantType}), or name the right column: '${name}': { kind: '${kind ?? ''}', column: … }.`,
  }
}

function generatedColumn({ table }: KnownKind, column: Column): Problem {
  const object = `${displayName(table)}.${column.name}`
  const how = column.generated === null ? 'an identity column' : 'a generated column'
  return {
    code: 'UNSUPPORTED_TABLE',
    object,
    message: `${object} is ${how}, so that its value cannot come from the tenant that a transaction is for.`,
    fix:
      column.generated === null
        ? 'Make it an ordinary column: ALTER TABLE … ALTER COLUMN … DROP IDENTITY.'
        : 'Make it an ordinary column: ALTER TABLE … ALTER COLUMN … DROP EXPRESSION.',
  }
}

/**
 * A column of the right name that refers to something else: a flat's `tenant_id` may be its renter. What the tenancy says
 * about a column by its table's name is believed.
 */
function otherMeaning(each: KnownKind, known: KnownTables, kinds: Kinds): readonly Problem[] {
  const { table, column, kind, options } = each
  if (kind !== 'child' && options && 'column' in options) return []
  const targets = table.foreignKeys.flatMap(({ columns, references, referencedColumns }) => {
    const position = columns.indexOf(column)
    if (position === -1) return []
    const found = known.rootOf(references)
    const target = found && kinds.get(keyOf(found))
    const same = target && isScoped(target.kind) && referencedColumns[position] === target.column
    return [{ references, root: same && target.kind === 'root', same: same === true }]
  })
  const other = targets.find(({ same }) => !same)
  if (!other || targets.some(({ root }) => root)) return []
  const object = `${displayName(table)}.${column}`
  const name = known.shortName(table)
  const written = kind === undefined || kind === 'root' ? 'tenant' : kind
  return [
    {
      code: 'AMBIGUOUS_NAME',
      object,
      message: `${object} has the name of the tenant column, but refers to ${displayName(other.references)}.`,
      fix:
        kind === 'child'
          ? `Give another name for the column to add: '${name}': { kind: 'child', column: … }.`
          : `Say which column names the tenant, '${name}': { kind: '${written}', column: … } (this one too, if it does), or give another kind.`,
    },
  ]
}

function queryProblems({ table, column, options }: KnownKind): readonly Problem[] {
  const queries = options && 'queries' in options ? (options.queries ?? []) : []
  const names = table.columns.map(({ name }) => name)
  const missing = new Set(queries.flat().filter((name) => name !== column && !names.includes(name)))
  return [...missing].map((name) => ({
    code: 'UNKNOWN_COLUMN',
    object: `${displayName(table)}.${name}`,
    message: `queries of ${displayName(table)} name a column "${name}", which it does not have.${didYouMean(name, names)}`,
    fix: 'Write the column as the catalogue has it, or leave the query out.',
  }))
}

function globalKeyProblems({ table, options }: KnownKind): readonly Problem[] {
  const names = options && 'globalKeys' in options ? (options.globalKeys ?? []) : []
  const keys = uniqueKeys(table)
  return names
    .filter((name) => !keys.includes(name))
    .map((name) => {
      const other = table.indexes.some((index) => index.name === name)
      const what = other ? 'is not unique, so that it spans all tenants anyway' : 'is no unique key of it'
      const all = keys.length === 0 ? 'It has none.' : `It has ${keys.join(', ')}.`
      return {
        code: 'UNKNOWN_KEY',
        object: displayName(table),
        message: `globalKeys of ${displayName(table)}: "${name}" ${what}.${didYouMean(name, keys) || ` ${all}`}`,
        fix: 'Write the name of the unique index or constraint as the catalogue has it, or leave it out.',
      }
    })
}

/** The names of everything that keeps two rows of a table from being alike. */
function uniqueKeys(table: Table): readonly string[] {
  const keys = table.indexes.filter(({ unique, constraint }) => unique || constraint?.type === 'exclusion')
  return [
    ...new Set(keys.flatMap(({ name, constraint }) => [name, ...(constraint ? [constraint.name] : [])])),
  ]
}
