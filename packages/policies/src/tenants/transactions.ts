import { randomUUID } from 'node:crypto'
import { TenantryError } from '../errors.ts'
import type { Query } from '../query.ts'

/** How a transaction begins. */
export type TransactionKind = 'write' | 'batch' | 'snapshot'

const BEGIN: Record<TransactionKind, string> = {
  write: 'BEGIN',
  // Each statement sees what others have committed before it, so that a check after a lock sees what the lock waited for.
  batch: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
  // One state of the database for all statements, and a server that refuses to change anything.
  snapshot: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
}

/** A setting of our own, by whose value a transaction is known. */
export const TRANSACTION_MARK = 'tenantry.transaction'

/** Whether the connection is in a transaction block: outside of one, a local setting ends with its statement. */
export async function isInTransaction(query: Query): Promise<boolean> {
  const mark = randomUUID()
  await setLocally(query, { [TRANSACTION_MARK]: mark })
  return hasMark(query, mark)
}

/**
 * Runs `work` in a transaction of its own, with these settings.
 *
 * @throws whatever `work` does, whether or not the rollback works too; `TRANSACTION_LOST` if the statements did not stay
 * in the transaction.
 */
export async function inOwnTransaction<T>(
  query: Query,
  kind: TransactionKind,
  settings: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  return between(query, { begin: [BEGIN[kind]], commit: ['COMMIT'], undo: ['ROLLBACK'], settings }, work)
}

/** Runs `work` as a part of the caller's transaction that can be undone alone, with these settings for that part. */
export async function inSavepoint<T>(
  query: Query,
  settings: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const earlier: Record<string, string> = {}
  for (const name of [TRANSACTION_MARK, ...Object.keys(settings)])
    earlier[name] = await currentSetting(query, name)
  const commit = [`RELEASE SAVEPOINT ${SAVEPOINT}`]
  const result = await between(
    query,
    { begin: [`SAVEPOINT ${SAVEPOINT}`], commit, undo: UNDO_SAVEPOINT, settings },
    work,
  )
  await setLocally(query, earlier)
  return result
}

/** The same for `work` that only reads: it is undone in the end, and its settings with it. */
export async function inUndoneSavepoint<T>(
  query: Query,
  settings: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  return between(
    query,
    { begin: [`SAVEPOINT ${SAVEPOINT}`], commit: UNDO_SAVEPOINT, undo: UNDO_SAVEPOINT, settings },
    work,
  )
}

const SAVEPOINT = 'tenantry_tenants'
const UNDO_SAVEPOINT = [`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`, `RELEASE SAVEPOINT ${SAVEPOINT}`]

interface Brackets {
  readonly begin: readonly string[]
  readonly commit: readonly string[]
  readonly undo: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

async function between<T>(query: Query, brackets: Brackets, work: () => Promise<T>): Promise<T> {
  const mark = randomUUID()
  await sendAll(query, brackets.begin)
  try {
    await setLocally(query, { ...brackets.settings, [TRANSACTION_MARK]: mark })
    const result = await work()
    // The server answers COMMIT of a failed transaction with ROLLBACK and no error; this statement fails in one.
    if (!(await hasMark(query, mark))) throw lost()
    await sendAll(query, brackets.commit)
    return result
  } catch (error) {
    // If this fails too, the connection is of no use any more and the server has rolled back; the first error tells more.
    await sendAll(query, brackets.undo).catch(() => {})
    throw error
  }
}

async function sendAll(query: Query, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await query(statement)
}

async function hasMark(query: Query, mark: string): Promise<boolean> {
  return (await currentSetting(query, TRANSACTION_MARK)) === mark
}

/** The value of a setting, `''` where it has none. */
export async function currentSetting(query: Query, name: string): Promise<string> {
  const { rows } = await query(`SELECT coalesce(current_setting($1, true), '') AS value`, [name])
  return rows[0]?.['value'] as string
}

/** Sets the settings for the rest of the transaction. */
export async function setLocally(query: Query, settings: Readonly<Record<string, string>>): Promise<void> {
  const pairs = Object.entries(settings)
  const calls = pairs.map((_, at) => `set_config($${at * 2 + 1}, $${at * 2 + 2}, true)`)
  await query(`SELECT ${calls.join(', ')}`, pairs.flat())
}

function lost(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_LOST',
    message:
      'The statements did not stay in the transaction that was begun for them. Give a query function that sends ' +
      'everything over one connection, such as a client taken from the pool and not the pool, and end no ' +
      'transaction in a callback.',
  })
}

/** The mark of the transaction that is running. */
export function transactionMark(query: Query): Promise<string> {
  return currentSetting(query, TRANSACTION_MARK)
}
