import { TenantryError } from '../errors.ts'
import type { Query } from '../query.ts'

/**
 * What the text of definitions and the speed of reading depend on. With this search path every name outside of
 * `pg_catalog` is written with its schema, and no table, function or operator of anyone's takes the place of the system's;
 * temporary tables would otherwise come first. The rest is how constants and identifiers are written.
 */
const pinned: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog, pg_temp',
  quote_all_identifiers: 'off',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  // Compiling these statements takes longer than running them.
  jit: 'off',
}

/**
 * Runs `read` with settings of its own and leaves the session as it was. Outside a transaction it reads in one of its own,
 * so that all statements see the same state, and a cut connection leaves nothing behind. Inside one it sets them for that
 * transaction only and puts the earlier values back.
 */
export async function withReadingSettings<T>(
  query: Query,
  lockTimeout: number,
  read: () => Promise<T>,
): Promise<T> {
  const readingSettings = { ...pinned, lock_timeout: `${lockTimeout}ms` }
  const readWithSettings = async (): Promise<T> => {
    await setLocally(query, readingSettings)
    const { search_path } = await currentSettings(query)
    if (search_path !== pinned['search_path']) throw notOneConnection()
    return read()
  }
  if (!(await isInTransaction(query))) return inTransaction(query, readWithSettings)
  return restoring(query, await currentSettings(query), readWithSettings)
}

/** As the server sees it: within a transaction its time stands still. Nothing else tells without a change or an error. */
async function isInTransaction(query: Query): Promise<boolean> {
  const time = async (): Promise<unknown> => {
    // Qualified and without operators: until the search path is set, anything could be found first.
    const { rows } = await query('SELECT pg_catalog.now()::pg_catalog.text AS time')
    return rows[0]?.['time']
  }
  return (await time()) === (await time())
}

async function restoring<T>(
  query: Query,
  earlier: Readonly<Record<string, string>>,
  read: () => Promise<T>,
): Promise<T> {
  const result = await finishing(read, () => setLocally(query, earlier))
  await setLocally(query, earlier)
  return result
}

async function inTransaction<T>(query: Query, read: () => Promise<T>): Promise<T> {
  await begin(query)
  const result = await finishing(read, () => query('ROLLBACK'))
  await query('COMMIT')
  return result
}

async function begin(query: Query): Promise<void> {
  try {
    await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  } catch (error) {
    // There was no transaction a moment ago, but there is one now.
    throw sqlState(error) === '25001' ? notOneConnection(error) : error
  }
}

function notOneConnection(cause?: unknown): TenantryError {
  return new TenantryError({
    code: 'CATALOGUE_UNREADABLE',
    message:
      'The query function did not keep the statements of one reading in one transaction: it sends them over several ' +
      'connections, or each in a transaction of its own. Give it one connection, such as a client taken from the ' +
      'pool, not the pool itself.',
    cause,
  })
}

/** Cleans up after a failure; what fails then is a consequence of the first error, or hides it. */
async function finishing<T>(read: () => Promise<T>, cleanUp: () => Promise<unknown>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    await cleanUp().catch(() => {})
    throw error
  }
}

async function currentSettings(query: Query): Promise<Readonly<Record<string, string>>> {
  const names = [...Object.keys(pinned), 'lock_timeout']
  const { rows } = await query(
    `SELECT ${names.map((name) => `pg_catalog.current_setting('${name}') AS ${name}`).join(', ')}`,
  )
  return Object.fromEntries(names.map((name) => [name, String(rows[0]?.[name])]))
}

async function setLocally(query: Query, settings: Readonly<Record<string, string>>): Promise<void> {
  const calls = Object.keys(settings).map((name, at) => `pg_catalog.set_config('${name}', $${at + 1}, true)`)
  await query(`SELECT ${calls.join(', ')}`, Object.values(settings))
}

/** The SQLSTATE that every driver gives as `code`. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
