import { randomUUID } from 'node:crypto'
import { TenantryError } from '../errors.ts'
import type { Query } from '../query.ts'
import { currentSetting, currentSettings, setLocally, type Settings } from '../session/settings.ts'
import { type Bracket, savepoint, transaction, undone, within } from '../session/transaction.ts'

/** How a transaction begins. */
export type TransactionKind = 'write' | 'batch' | 'snapshot'

const transactions: Record<TransactionKind, Bracket> = {
  write: transaction(),
  // Each statement sees what others have committed before it, so that a check after a lock sees what the lock waited for.
  batch: transaction('ISOLATION LEVEL READ COMMITTED READ WRITE'),
  // One state of the database for all statements, and a server that refuses to change anything.
  snapshot: transaction('ISOLATION LEVEL REPEATABLE READ READ ONLY'),
}

/** A setting of our own, by whose value a transaction is known. */
export const TRANSACTION_MARK = 'tenantry.transaction'

/**
 * Runs `work` in a transaction of its own, with these settings.
 *
 * @throws whatever `work` does, whether or not the rollback works too; `TRANSACTION_LOST` if the statements did not stay
 * in the transaction.
 */
export function inOwnTransaction<T>(
  query: Query,
  kind: TransactionKind,
  settings: Settings,
  work: () => Promise<T>,
): Promise<T> {
  return marked(query, transactions[kind], settings, work)
}

/** Runs `work` as a part of the caller's transaction that can be undone alone, with these settings for that part. */
export async function inSavepoint<T>(query: Query, settings: Settings, work: () => Promise<T>): Promise<T> {
  const earlier = await currentSettings(query, [TRANSACTION_MARK, ...Object.keys(settings)])
  const result = await marked(query, savepoint, settings, work)
  await setLocally(query, earlier)
  return result
}

/** The same for `work` that only reads: it is undone in the end, and its settings with it. */
export function inUndoneSavepoint<T>(query: Query, settings: Settings, work: () => Promise<T>): Promise<T> {
  return marked(query, undone(savepoint), settings, work)
}

async function marked<T>(
  query: Query,
  bracket: Bracket,
  settings: Settings,
  work: () => Promise<T>,
): Promise<T> {
  const mark = randomUUID()
  return within(query, bracket, async () => {
    await setLocally(query, { ...settings, [TRANSACTION_MARK]: mark })
    const result = await work()
    // The server answers COMMIT of a failed transaction with ROLLBACK and no error; this statement fails in one.
    if ((await transactionMark(query)) !== mark) throw lost()
    return result
  })
}

/** The mark of the transaction that is running. */
export function transactionMark(query: Query): Promise<string> {
  return currentSetting(query, TRANSACTION_MARK)
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
