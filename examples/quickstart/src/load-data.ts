import pg from 'pg'
import { readDataFile, UsageError } from './data-file.ts'
import { kindNames, type KindName } from './record-format.ts'
import { readRecords, type DataRecord, type Problem } from './read-records.ts'
import { createStagingTables, findStagedProblems, insertStaged, stage } from './staging.ts'

const recordsInABatch = 1000
const problemsShown = 20

/** A data file with bad lines; nothing of it was kept. */
export class BadDataError extends UsageError {
  override name = 'BadDataError'
  /** The first problems, by line. */
  readonly problems: Problem[]
  /** How many problems the file has in all. */
  readonly total: number

  constructor(path: string, problems: Problem[], total: number) {
    const lines = problems.map(({ line, reason }) => `  line ${line}: ${reason}`)
    if (total > problems.length) lines.push(`  and ${total - problems.length} more`)
    super(
      `${path} has ${total === 1 ? 'a bad line' : `${total} problems`}; nothing of it was kept.\n${lines.join('\n')}`,
    )
    this.problems = problems
    this.total = total
  }
}

/** What a load is doing, for a progress bar. */
export interface LoadProgress {
  step: 'reading' | 'checking' | 'writing'
  /** Bytes of the file read so far. */
  bytes: number
}

/**
 * Loads a data file into the tables of schema.sql, in one transaction: all of it or nothing.
 *
 * @param options.connectionString of the system role: one transaction writes for many tenants, which needs BYPASSRLS
 * @param options.path a .jsonl or .jsonl.gz file in the format of record-format.ts
 * @param options.onProgress called while the file is read, and before each later step
 * @param options.signal stops reading
 * @returns how many records of each kind were loaded
 * @throws BadDataError when lines are bad, naming them; UsageError when the file cannot be read or holds no record
 */
export async function loadData(options: {
  connectionString: string
  path: string
  onProgress?: (progress: LoadProgress) => void
  signal?: AbortSignal
}): Promise<Record<KindName, number>> {
  const { connectionString, path, onProgress = () => {}, signal } = options
  const client = new pg.Client({ connectionString })
  // A connection lost between two queries is an event; the next query then fails with it.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('BEGIN')
    await createStagingTables(client)

    let bytes = 0
    const countBytes = (bytesRead: number): void => {
      bytes = bytesRead
      onProgress({ step: 'reading', bytes })
    }
    const chunks = readDataFile(path, countBytes, signal)
    const malformed = await stageRecords(client, readRecords(chunks))

    onProgress({ step: 'checking', bytes })
    const conflicting = await findStagedProblems(client, problemsShown)
    const total = malformed.total + conflicting.total
    if (total > 0) {
      const problems = [...malformed.problems, ...conflicting.problems].toSorted((a, b) => a.line - b.line)
      throw new BadDataError(path, problems.slice(0, problemsShown), total)
    }

    onProgress({ step: 'writing', bytes })
    const counts = {} as Record<KindName, number>
    for (const kind of kindNames) counts[kind] = await insertStaged(client, kind)
    if (kindNames.every((kind) => counts[kind] === 0)) throw new UsageError(`${path} holds no records.`)
    await client.query('COMMIT')
    return counts
  } finally {
    // Closing the connection rolls back what was not committed; failing to must not hide the first error.
    await client.end().catch(() => {})
  }
}

/** Stages the good records, in batches of one kind, and collects the bad lines. */
async function stageRecords(
  client: pg.Client,
  records: AsyncIterable<DataRecord | Problem>,
): Promise<{ problems: Problem[]; total: number }> {
  const problems: Problem[] = []
  let total = 0
  const batches = new Map<KindName, DataRecord[]>(kindNames.map((kind) => [kind, []]))

  for await (const record of records) {
    if ('reason' in record) {
      total += 1
      if (problems.length < problemsShown) problems.push(record)
      continue
    }
    const batch = batches.get(record.kind)!
    batch.push(record)
    if (batch.length === recordsInABatch) {
      await stage(client, record.kind, batch)
      batches.set(record.kind, [])
    }
  }
  for (const [kind, batch] of batches) await stage(client, kind, batch)
  return { problems, total }
}
