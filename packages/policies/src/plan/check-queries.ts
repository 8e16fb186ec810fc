import type { Table } from '../catalogue/catalogue.ts'
import { identifier, literal, qualified } from '../identifiers.ts'

/** What the checked table is called in its check. */
export const OWN = 'own'

const EXAMPLES = 5

/** A SELECT that counts rows and names a few of them by their key. */
export function countRows(table: Table, joins: readonly string[], condition: string): string {
  return `SELECT count(*) AS count, coalesce(array_agg(example) FILTER (WHERE place <= ${EXAMPLES}), '{}') AS examples
FROM (
  SELECT ${rowLabel(table)} AS example, row_number() OVER () AS place
  FROM ${[`${qualified(table)} AS ${OWN}`, ...joins].join('\n  ')}
  WHERE ${condition}
) AS found`
}

/** The key of a row, as text that says which columns it is of. */
function rowLabel(table: Table): string {
  const columns = table.indexes.find(({ primary }) => primary)?.columns ?? []
  const named = (columns.length > 0 ? columns : ['ctid']).filter((column) => column !== null)
  const parts = named.map(
    (column) =>
      `${literal(`${column} = `)} || ${OWN}.${column === 'ctid' ? column : identifier(column)}::text`,
  )
  return parts.length === 1 ? parts.join('') : `concat_ws(', ', ${parts.join(', ')})`
}
