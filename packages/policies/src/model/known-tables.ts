import type { Catalogue, Table } from '../catalogue/catalogue.ts'
import { displayName, type QualifiedName, sameName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { didYouMean } from './nearest-names.ts'

/** The tables of the schemas that take part, and how to find them by the names that people write. */
export interface KnownTables {
  /** Without partitions, sorted by schema and name. */
  readonly tables: readonly Table[]
  /** The partitions of a table, those of its partitions included. */
  partitionsOf(table: Table): readonly Table[]
  /** The table itself, or of a partition the table that it belongs to in the end; undefined if it takes no part. */
  rootOf(name: QualifiedName): Table | undefined
  /** The one table that a name stands for, or the problem with it. */
  find(name: string, where: string): Table | Problem
  /** The shortest name that stands for this table alone. */
  shortName(table: QualifiedName): string
  /** Partitions whose table lies in a schema that takes no part. */
  readonly strayPartitions: readonly Table[]
}

export function knownTables(catalogue: Catalogue, schemas: readonly string[]): KnownTables {
  const byName = new Map(catalogue.tables.map((table) => [keyOf(table), table]))
  const rootOf = (name: QualifiedName): Table | undefined => {
    let table = byName.get(keyOf(name))
    while (table?.partitionOf) table = byName.get(keyOf(table.partitionOf))
    return table && schemas.includes(table.schema) ? table : undefined
  }
  const inSchemas = catalogue.tables.filter((table) => schemas.includes(table.schema))
  const tables = inSchemas.filter((table) => !table.partitionOf).sort(byQualifiedName)
  const partitions = new Map<Table, Table[]>()
  for (const table of catalogue.tables.filter((each) => each.partitionOf)) {
    const root = rootOf(table)
    if (root) partitions.set(root, [...(partitions.get(root) ?? []), table])
  }
  for (const list of partitions.values()) list.sort(byQualifiedName)
  const shortName = (table: QualifiedName): string => {
    const others = tables.some((each) => each.name === table.name && !sameName(each, table))
    return others ? displayName(table) : table.name
  }
  return {
    tables,
    partitionsOf: (table) => partitions.get(table) ?? [],
    rootOf,
    shortName,
    strayPartitions: inSchemas.filter((table) => table.partitionOf && !rootOf(table)),
    find(name, where) {
      const found = inSchemas.filter((table) => table.name === name || displayName(table) === name)
      const [table, another] = found
      if (table && another) return ambiguous(name, where, found)
      if (!table) {
        const written = name.includes('.') ? displayName : shortName
        return unknown(catalogue, schemas, tables.map(written), name, where)
      }
      return table.partitionOf ? partition(table, rootOf(table), where) : table
    },
  }
}

/** Schemas that the catalogue does not have. */
export function missingSchemas(schemas: readonly string[], catalogue: Catalogue): readonly Problem[] {
  const names = catalogue.schemas.map(({ name }) => name)
  return schemas
    .filter((name) => !names.includes(name))
    .map((name) => ({
      code: 'UNKNOWN_SCHEMA',
      object: `schema ${name}`,
      message: `The catalogue has no schema "${name}".${didYouMean(name, names)}`,
      fix: 'Write the schema as the database has it, and read the catalogue with it: readCatalogue(query, tenancy).',
    }))
}

export function keyOf({ schema, name }: QualifiedName): string {
  return JSON.stringify([schema, name])
}

export function byQualifiedName(left: QualifiedName, right: QualifiedName): number {
  if (left.schema !== right.schema) return left.schema < right.schema ? -1 : 1
  if (left.name === right.name) return 0
  return left.name < right.name ? -1 : 1
}

function ambiguous(name: string, where: string, found: readonly Table[]): Problem {
  const names = found.map((table) => displayName(table))
  const several = new Set(names).size > 1
  return {
    code: 'AMBIGUOUS_NAME',
    object: name,
    message: `${where} "${name}" stands for several tables: ${found.map(quotedName).join(' and ')}.`,
    fix: several
      ? `Write the one that is meant with its schema: ${names.map((each) => `"${each}"`).join(' or ')}.`
      : 'Rename one of the two tables: both are written the same with their schema.',
  }
}

function quotedName({ schema, name }: QualifiedName): string {
  return `"${schema}"."${name}"`
}

function unknown(
  catalogue: Catalogue,
  schemas: readonly string[],
  known: readonly string[],
  name: string,
  where: string,
): Problem {
  const matches = (each: QualifiedName): boolean => each.name === name || displayName(each) === name
  const view = catalogue.views.find((each) => schemas.includes(each.schema) && matches(each))
  const elsewhere = catalogue.tables.find((each) => matches(each) && !schemas.includes(each.schema))
  if (view) {
    return {
      code: 'UNKNOWN_TABLE',
      object: displayName(view),
      message: `${where} "${name}" is a view. Views have no kind: they show what the tables that they read show.`,
      fix: 'Leave it out of the tenancy, and name the tables that it reads.',
    }
  }
  if (elsewhere) {
    return {
      code: 'UNKNOWN_TABLE',
      object: name,
      message: `${where} "${name}" is in schema "${elsewhere.schema}", which takes no part.`,
      fix: `Add "${elsewhere.schema}" to schemas, or leave the table out.`,
    }
  }
  const meant = didYouMean(name, known)
  return {
    code: 'UNKNOWN_TABLE',
    object: name,
    message: `${where} "${name}" is no table in ${schemas.map((each) => `"${each}"`).join(', ')}.${meant}`,
    fix: 'Write the name as the catalogue has it, without quotes and in its upper and lower case, or take it out.',
  }
}

function partition(table: Table, root: Table | undefined, where: string): Problem {
  const whole = root ? ` of ${displayName(root)}` : ''
  return {
    code: 'UNSUPPORTED_TABLE',
    object: displayName(table),
    message: `${where} "${displayName(table)}" is a partition${whole}, and partitions have the kind of their table.`,
    fix: root ? `Name ${displayName(root)} instead.` : 'Name the partitioned table instead.',
  }
}
