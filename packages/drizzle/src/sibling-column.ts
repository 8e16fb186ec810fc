import { getTableColumns } from 'drizzle-orm'
import type { AnyPgColumn, PgColumn, PgTable } from 'drizzle-orm/pg-core'

/** The column of a name in the table that another column is of. */
export function siblingColumn(column: AnyPgColumn, name: string): PgColumn | undefined {
  // In both releases, and in the types of one.
  const { table } = column as unknown as { readonly table: PgTable }
  return Object.values<PgColumn>(getTableColumns(table)).find((each) => each.name === name)
}
