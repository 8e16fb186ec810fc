import type { Table } from '../catalogue/catalogue.ts'
import { literal, qualified } from '../identifiers.ts'
import { doBlock } from './sql-blocks.ts'

/**
 * How many pages of 8 kB one transaction of a backfill looks at: few enough for its row locks to be gone in a fraction of
 * a second, and so many that commits cost next to nothing.
 */
export const PAGES_A_TRANSACTION = 100

/**
 * An update of a whole table in many short transactions, page after page: reads each page once, needs no index, and
 * vacuum can follow. Rows that are written meanwhile can land behind the last page that it knows of, which a sweep over
 * the whole table has to follow up.
 *
 * @param table A table that is not partitioned.
 * @param update The lines of the UPDATE, which ends in a condition about what is to be done still.
 * @param alias What the update calls the table.
 */
export function pageRangeBackfill(table: Table, update: readonly string[], alias: string): string {
  const name = literal(qualified(table))
  const loop = [
    ...update,
    `  AND ${alias}.ctid >= format('(%s,0)', page)::tid`,
    `  AND ${alias}.ctid < format('(%s,0)', page + ${PAGES_A_TRANSACTION})::tid;`,
    'COMMIT;',
    `page := page + ${PAGES_A_TRANSACTION};`,
  ]
  return doBlock(
    [
      `pages := pg_relation_size(${name}) / current_setting('block_size')::bigint`,
      `WHILE page < pages LOOP\n${loop.map((line) => `    ${line}\n`).join('')}  END LOOP`,
    ],
    ['page bigint := 0', 'pages bigint'],
  )
}
