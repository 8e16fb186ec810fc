import type { ClientBase } from 'pg'
import { kindNames, recordKinds, type KindName } from './record-format.ts'
import type { DataRecord, Problem } from './read-records.ts'

/**
 * Temporary tables that hold a data file's records, with their line numbers, while they are checked against each other.
 *
 * Duplicates and references can only be judged when the whole file is known. Keeping every id in memory would grow with
 * the file and reading it twice would let it change in between; temporary tables go to disk, let one join do the
 * checking, and vanish with the transaction.
 */
export async function createStagingTables(client: ClientBase): Promise<void> {
  for (const { table } of Object.values(recordKinds)) {
    await client.query(
      `CREATE TEMPORARY TABLE staged_${table} ON COMMIT DROP AS SELECT 0::bigint AS line, * FROM ${table} WITH NO DATA`,
    )
  }
}

/** Adds a batch of records of one kind: one statement and one parameter, however many records there are. */
export async function stage(client: ClientBase, kind: KindName, records: DataRecord[]): Promise<void> {
  const { table } = recordKinds[kind]
  const rows = records.map(({ line, row }) => ({ ...row, line }))
  await client.query(
    `INSERT INTO staged_${table} SELECT * FROM json_populate_recordset(NULL::staged_${table}, $1)`,
    [JSON.stringify(rows)],
  )
}

/**
 * Finds staged records that repeat another's key, or point at a record that is not there or is another tenant's.
 *
 * @returns the first `limit` problems by line, and how many there are
 */
export async function findStagedProblems(
  client: ClientBase,
  limit: number,
): Promise<{ problems: Problem[]; total: number }> {
  for (const { table } of Object.values(recordKinds)) await client.query(`ANALYZE staged_${table}`)

  const checks = kindNames.flatMap((kind) => [
    findDuplicates(kind, keyOf(kind)),
    ...(kind === 'user' ? [findDuplicates(kind, ['tenant_id', 'email'])] : []),
    ...Object.entries<KindName>(recordKinds[kind].references).map(([column, target]) =>
      findDanglingReferences(kind, column, target),
    ),
  ])
  const { rows } = await client.query<{ line: string; reason: string; total: string }>(
    `SELECT line, reason, count(*) OVER () AS total
     FROM (${checks.join('\nUNION ALL\n')}) AS problem
     ORDER BY line, reason LIMIT $1`,
    [limit],
  )
  return {
    problems: rows.map(({ line, reason }) => ({ line: Number(line), reason })),
    total: Number(rows[0]?.total ?? 0),
  }
}

/** Moves the staged records of one kind to their table and returns how many there were. */
export async function insertStaged(client: ClientBase, kind: KindName): Promise<number> {
  const { table, fields } = recordKinds[kind]
  const columns = Object.keys(fields).join(', ')
  const { rowCount } = await client.query(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM staged_${table} ORDER BY line`,
  )
  return rowCount ?? 0
}

function keyOf(kind: KindName): string[] {
  return kind === 'tenant' ? ['id'] : ['tenant_id', 'id']
}

function findDuplicates(kind: KindName, key: string[]): string {
  const column = key.at(-1)
  return `
    SELECT line, format('${kind}: ${column} %s is already on line %s', ${column}, first_line) AS reason
    FROM (
      SELECT *, min(line) OVER (PARTITION BY ${key.join(', ')}) AS first_line
      FROM staged_${recordKinds[kind].table}
    ) AS record
    WHERE line > first_line`
}

/** The second join, on the id alone, tells a record of another tenant from one that is not there at all. */
function findDanglingReferences(kind: KindName, column: string, target: KindName): string {
  const targetTable = `staged_${recordKinds[target].table}`
  const sameTenant = target === 'tenant' ? '' : 'AND target.tenant_id = record.tenant_id'
  return `
    SELECT record.line,
      CASE WHEN elsewhere.id IS NULL
        THEN format('${kind}: ${column} %s is no valid ${target} of this file', record.${column})
        ELSE format('${kind}: ${column} %s is a ${target} of another tenant', record.${column})
      END AS reason
    FROM staged_${recordKinds[kind].table} AS record
    LEFT JOIN ${targetTable} AS target ON target.id = record.${column} ${sameTenant}
    LEFT JOIN (SELECT DISTINCT id FROM ${targetTable}) AS elsewhere ON elsewhere.id = record.${column}
    WHERE record.${column} IS NOT NULL AND target.id IS NULL`
}
