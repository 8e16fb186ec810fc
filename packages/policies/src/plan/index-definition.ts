import type { Index, Table } from '../catalogue/catalogue.ts'
import { identifier, identifiers, literal, qualified, type QualifiedName } from '../identifiers.ts'
import { sameSet } from './foreign-key-changes.ts'
import type { PlanShape } from './plan.ts'
import { doIf } from './sql-blocks.ts'

/** What an index is, apart from its name and its table. */
export interface IndexDefinition {
  readonly method: string
  /** What follows `USING method`. */
  readonly body: string
  readonly columns: readonly (string | null)[]
  readonly predicate: string | null
  readonly nullsNotDistinct: boolean
}

/** The same index with the tenant in front, which tells apart what the old one compared across all tenants. */
export function ledByTenant(index: Index, column: string): IndexDefinition {
  return {
    method: index.method,
    body: `(${identifier(column)}, ${index.body.slice(1)}`,
    columns: [column, ...index.columns],
    predicate: index.predicate,
    nullsNotDistinct: index.nullsNotDistinct,
  }
}

/** The same index for the rows without a tenant, which one led by the tenant does not compare with each other. */
export function withoutTenantOnly(index: Index, column: string): IndexDefinition {
  const none = `${identifier(column)} IS NULL`
  const where = index.predicate === null ? none : `${index.predicate} AND ${none}`
  const keys =
    index.predicate === null
      ? index.body
      : index.body.slice(0, index.body.lastIndexOf(` WHERE ${index.predicate}`))
  return {
    method: index.method,
    body: `${keys} WHERE ${where}`,
    columns: index.columns,
    predicate: index.predicate === null ? `(${none})` : `(${index.predicate} AND (${none}))`,
    nullsNotDistinct: index.nullsNotDistinct,
  }
}

/** Whether the index compares only rows without a tenant with each other. */
export function isWithoutTenantOnly(index: Index, column: string): boolean {
  return new RegExp(String.raw`(^|AND )\(${escaped(identifier(column))} IS NULL\)\)?$`).test(
    index.predicate ?? '',
  )
}

/**
 * Whether a unique index refuses what the wanted one would, whatever its name is: the same keys in any order. Keys that
 * are expressions, or have a collation or an operator class, are compared as text.
 */
export function refusesTheSame(index: Index, wanted: IndexDefinition): boolean {
  return index.unique && index.constraint?.deferrable !== true && hasSameKeys(index, wanted)
}

export function hasSameKeys(left: IndexDefinition, right: IndexDefinition): boolean {
  if (left.method !== right.method || left.nullsNotDistinct !== right.nullsNotDistinct) return false
  if (left.predicate !== right.predicate) return false
  return left.body === right.body || (isPlain(left) && isPlain(right) && sameSet(left.columns, right.columns))
}

/** Whether a foreign key may lead to it by these columns. */
export function isTarget(index: Index | IndexDefinition, columns: readonly string[]): boolean {
  return index.method === 'btree' && index.predicate === null && sameSet(index.columns, columns)
}

/** Keys that are columns and nothing else. */
function isPlain({ columns, body }: Pick<IndexDefinition, 'columns' | 'body'>): boolean {
  return isColumns(columns) && body.startsWith(`(${identifiers(columns)})`)
}

function isColumns(columns: readonly (string | null)[]): columns is readonly string[] {
  return columns.every((column) => column !== null)
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

/** `CREATE UNIQUE INDEX`, unless an index of that name is there. */
export function createUniqueIndex(
  name: string,
  table: QualifiedName,
  { method, body }: Pick<IndexDefinition, 'method' | 'body'>,
  concurrently = false,
): string {
  const using = method === 'btree' ? '' : `USING ${identifier(method)} `
  return `CREATE UNIQUE INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF NOT EXISTS ${identifier(name)} ON ${qualified(table)} ${using}${body}`
}

/**
 * Builds a unique index on a table that is not partitioned. Online, what a failed attempt left behind goes first: an invalid
 * index of that name, which IF NOT EXISTS would take for the finished one.
 */
export function buildUniqueIndex(
  name: string,
  table: Table,
  definition: Pick<IndexDefinition, 'method' | 'body'>,
  shape: PlanShape,
): readonly string[] {
  return [
    dropIfInvalid({ schema: table.schema, name }),
    createUniqueIndex(name, table, definition, shape === 'online'),
  ]
}

/** `DROP INDEX` for the invalid rest of a failed CREATE INDEX CONCURRENTLY. Not concurrently, which a condition rules out. */
export function dropIfInvalid(index: QualifiedName): string {
  return doIf(
    `EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(${literal(qualified(index))}) AND NOT indisvalid)`,
    [`DROP INDEX ${qualified(index)}`],
  )
}
