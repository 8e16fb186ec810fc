import type { Index } from '../catalogue/catalogue.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'

/**
 * Indexes that find nothing which one on these columns would not: those on the first of them, and those on the same without
 * the tenant, which under policies is always known.
 */
export function redundantIndexes(
  { table, column }: ResolvedTable,
  columns: readonly string[],
  itself: string | undefined,
): readonly string[] {
  const withoutTenant = columns.filter((name) => name !== column)
  const isShorter = (index: Index, than: readonly string[]): boolean =>
    index.columns.every((name, position) => name === than[position])
  return table.indexes
    .filter(
      (index) =>
        index.name !== itself &&
        index.valid &&
        !index.unique &&
        !index.partial &&
        !index.inherited &&
        index.constraint === null &&
        index.method === 'btree' &&
        index.included.length === 0 &&
        (isShorter(index, columns) || isShorter(index, withoutTenant)),
    )
    .map(({ name }) => name)
}
