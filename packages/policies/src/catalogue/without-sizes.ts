import type { Catalogue } from './catalogue.ts'

/**
 * The same catalogue with `estimatedRows` and `pages` set to 0: they change without anyone changing the schema, so that two
 * readings are compared without them.
 *
 * @param catalogue What `readCatalogue` gave.
 *
 * @example
 * ```ts no-run
 * assert.deepEqual(withoutSizes(await readCatalogue(query)), withoutSizes(before))
 * ```
 */
export function withoutSizes(catalogue: Catalogue): Catalogue {
  return {
    ...catalogue,
    tables: catalogue.tables.map((table) => ({ ...table, estimatedRows: 0, pages: 0 })),
  }
}
