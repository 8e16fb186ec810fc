import type { Index } from '../catalogue/catalogue.ts'
import { identifier, identifiers, ownName, qualified, type QualifiedName } from '../identifiers.ts'

/** Whether the index finds the rows that have given values in these columns, whatever is in the others. */
export function servesColumns(
  { columns, partial, valid, method }: Pick<Index, 'columns' | 'partial' | 'valid' | 'method'>,
  wanted: readonly string[],
): boolean {
  return (
    valid &&
    !partial &&
    method === 'btree' &&
    wanted.every((column, position) => columns[position] === column)
  )
}

/** The name of an index that Tenantry makes. */
export function indexName({ name }: QualifiedName, columns: readonly string[]): string {
  return ownName(name, ...columns, 'idx')
}

/** On a partitioned table, which cannot have it concurrently, it takes in the indexes of the partitions that are there. */
export function createIndex(
  name: string,
  table: QualifiedName,
  columns: readonly string[],
  concurrently: boolean,
): string {
  return `CREATE INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF NOT EXISTS ${identifier(name)} ON ${qualified(table)} (${identifiers(columns)})`
}
