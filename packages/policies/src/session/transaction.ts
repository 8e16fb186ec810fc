import { randomUUID } from 'node:crypto'
import type { Query } from '../query.ts'
import { currentSetting, setLocally } from './settings.ts'

/** A setting of our own, which only this question uses: it may be asked while a transaction is known by another one. */
const PROBE = 'tenantry.probe'

/**
 * Whether the connection is in a transaction: outside of one, a local setting ends with its statement. This way of asking
 * puts no error into the server's log, and no savepoint into the caller's transaction.
 */
export async function isInTransaction(query: Query): Promise<boolean> {
  const value = randomUUID()
  await setLocally(query, { [PROBE]: value })
  return (await currentSetting(query, PROBE)) === value
}

/** The statements around work that holds as a whole or not at all. */
export interface Bracket {
  readonly begin: readonly string[]
  /** After work that was done. */
  readonly end: readonly string[]
  /** After work that failed. */
  readonly undo: readonly string[]
}

/** @param mode What follows BEGIN, such as `ISOLATION LEVEL REPEATABLE READ`. */
export function transaction(mode = ''): Bracket {
  return { begin: [`BEGIN ${mode}`.trimEnd()], end: ['COMMIT'], undo: ['ROLLBACK'] }
}

/** A part of the caller's transaction, which BEGIN and COMMIT would end. */
export const savepoint: Bracket = {
  begin: ['SAVEPOINT tenantry'],
  end: ['RELEASE SAVEPOINT tenantry'],
  undo: ['ROLLBACK TO SAVEPOINT tenantry', 'RELEASE SAVEPOINT tenantry'],
}

/** The same, undone whatever happens, so that the work can change what it likes. */
export function undone(bracket: Bracket): Bracket {
  return { ...bracket, end: bracket.undo }
}

/** Runs `work` between the statements of `bracket`. What it throws is what the caller gets, whether or not the undoing works too. */
export async function within<T>(query: Query, bracket: Bracket, work: () => Promise<T>): Promise<T> {
  await sendAll(query, bracket.begin)
  try {
    const result = await work()
    await sendAll(query, bracket.end)
    return result
  } catch (error) {
    // If this fails too, the connection is of no use any more and the server has rolled back; the first error tells more.
    await sendAll(query, bracket.undo).catch(() => undefined)
    throw error
  }
}

async function sendAll(query: Query, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await query(statement)
}
