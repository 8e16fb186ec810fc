import { TenantryError } from '../errors.ts'
import { identifier } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Query } from '../query.ts'
import { copyLines } from './copy-lines.ts'
import { isTenantsLiteral, rowsOf } from './tenant-rows.ts'
import { transactionMark, TRANSACTION_MARK } from './transactions.ts'

type Data = AsyncIterable<Uint8Array | string>

/** Sends a COPY … TO STDOUT and gives back its data. */
export type Copy = (sql: string) => Data | Promise<Data>

/** The rows of a tenant in one table as JSON, in batches. */
export type RowReader = (
  tenancy: ResolvedTenancy,
  table: ResolvedTable,
  id: string,
) => AsyncGenerator<readonly string[]>

/** Reads through COPY if there is one, else with a cursor: in both ways at most a batch of rows is held. */
export async function readerOf(query: Query, copy: Copy | undefined, batchSize: number): Promise<RowReader> {
  if (copy === undefined) return (...target) => readCursor(query, selectRows(...target), batchSize)
  await requireSameTransaction(query, copy)
  return (...target) => readCopy(copy, selectRows(...target), batchSize)
}

async function* readCursor(
  query: Query,
  select: string,
  batchSize: number,
): AsyncGenerator<readonly string[]> {
  await query(`DECLARE ${CURSOR} NO SCROLL CURSOR FOR ${select}`)
  for (;;) {
    const { rows } = await query(`FETCH FORWARD ${batchSize} FROM ${CURSOR}`)
    if (rows.length > 0) yield rows.map((row) => oneLine(String(row['line'])))
    if (rows.length < batchSize) break
  }
  await query(`CLOSE ${CURSOR}`)
}

const CURSOR = 'tenantry_export'

async function* readCopy(copy: Copy, select: string, batchSize: number): AsyncGenerator<readonly string[]> {
  let batch: string[] = []
  for await (const line of copyLines(await copy(`COPY (${select}) TO STDOUT`))) {
    batch.push(oneLine(line))
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/**
 * The whole row by its alias and a star: a column of the alias's name would otherwise be taken instead. In the order of a
 * key, so that the same rows make the same file, whatever plan and way they are read by.
 */
function selectRows(tenancy: ResolvedTenancy, table: ResolvedTable, id: string): string {
  return (
    `SELECT row_to_json(t.*)::text AS line FROM ${rowsOf(table)} AS t ` +
    `WHERE ${isTenantsLiteral(tenancy, table, 't', id)}${orderOf(table)}`
  )
}

function orderOf({ table }: ResolvedTable): string {
  const notNull = new Set(table.columns.filter((column) => column.notNull).map(({ name }) => name))
  const keys = table.indexes.filter(
    ({ unique, valid, partial, columns }) =>
      unique && valid && !partial && columns.every((column) => column !== null && notNull.has(column)),
  )
  const key = keys.find(({ primary }) => primary) ?? keys[0]
  if (key) return ` ORDER BY ${key.columns.map((column) => `t.${identifier(column ?? '')}`).join(', ')}`
  return table.kind === 'foreign' ? '' : ' ORDER BY t.tableoid, t.ctid'
}

/** Values of type json keep the line breaks they were written with, which JSON allows only where they mean nothing. */
function oneLine(json: string): string {
  return /[\n\r]/.test(json) ? json.replaceAll(/[\n\r]/g, ' ') : json
}

/** COPY over another connection would show another moment, and with the application's role nothing at all. */
async function requireSameTransaction(query: Query, copy: Copy): Promise<void> {
  const mark = await transactionMark(query)
  const data = await copy(`COPY (SELECT pg_catalog.current_setting('${TRANSACTION_MARK}', true)) TO STDOUT`)
  const marks: string[] = []
  for await (const line of copyLines(data)) marks.push(line)
  if (marks.length === 1 && marks[0] === mark) return
  throw new TenantryError({
    code: 'TRANSACTION_LOST',
    message: '`copy` does not use the connection of `query`. Give both the same client, taken from the pool.',
  })
}
