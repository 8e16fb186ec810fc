import type { Query } from '../query.ts'

/**
 * Whether a transaction is open. SAVEPOINT is the one statement that is an error outside of one and changes nothing
 * inside; BEGIN only warns.
 */
export async function isTransactionOpen(query: Query): Promise<boolean> {
  try {
    await query('SAVEPOINT tenantry_probe')
  } catch (error) {
    if (sqlState(error) === '25P01') return false
    throw error
  }
  await query('RELEASE SAVEPOINT tenantry_probe')
  return true
}

/** How {@link inTransaction} begins and ends. */
export interface TransactionOptions {
  /** A savepoint of the caller's transaction instead of one of its own, which BEGIN and COMMIT would end. */
  readonly joins: boolean
  /** What follows BEGIN, such as `ISOLATION LEVEL REPEATABLE READ`. Of no meaning for a savepoint. */
  readonly mode?: string
  /** Rolled back whatever happens, so that `work` can change what it likes. */
  readonly discard?: boolean
}

/** Runs `work` as one transaction. What it throws is what the caller gets, even if the connection is gone by then. */
export async function inTransaction<T>(
  query: Query,
  { joins, mode = '', discard = false }: TransactionOptions,
  work: () => Promise<T>,
): Promise<T> {
  await query(joins ? 'SAVEPOINT tenantry' : `BEGIN ${mode}`.trimEnd())
  const rollback = async (): Promise<void> => {
    await query(joins ? 'ROLLBACK TO SAVEPOINT tenantry' : 'ROLLBACK')
    if (joins) await query('RELEASE SAVEPOINT tenantry')
  }
  let result: T
  try {
    result = await work()
    if (!discard) await query(joins ? 'RELEASE SAVEPOINT tenantry' : 'COMMIT')
  } catch (error) {
    await rollback().catch(() => undefined)
    throw error
  }
  if (discard) await rollback()
  return result
}

/** Values of settings, such as `{ lock_timeout: '0' }`. */
export type Settings = Readonly<Record<string, string>>

/** For the rest of the transaction. */
export async function setLocally(query: Query, settings: Settings): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await query('SELECT set_config($1, $2, true)', [name, value])
}

/**
 * While `work` runs, then as they were: for the session, because statements that cannot be in a transaction know no other
 * way; or, if `local`, within a transaction that goes on afterwards.
 */
export async function withSettings<T>(
  query: Query,
  settings: Settings,
  local: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const before: Record<string, string> = {}
  for (const name of Object.keys(settings)) {
    const { rows } = await query('SELECT current_setting($1) AS value', [name])
    before[name] = String(rows[0]?.['value'])
  }
  const set = async (values: Settings): Promise<void> => {
    for (const [name, value] of Object.entries(values))
      await query('SELECT set_config($1, $2, $3::boolean)', [name, value, String(local)])
  }
  let result: T
  try {
    await set(settings)
    result = await work()
  } catch (error) {
    await set(before).catch(() => undefined)
    throw error
  }
  await set(before)
  return result
}

/** The SQLSTATE of an error of the database, whichever driver brought it. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : sqlState(cause)
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
