import { TenantryError } from '../errors.ts'
import type { Query } from '../query.ts'
import { sqlState } from '../session/database-error.ts'
import { currentSetting, setLocally, withSettings } from '../session/settings.ts'
import { isInTransaction, transaction, within } from '../session/transaction.ts'

const SEARCH_PATH = 'pg_catalog, pg_temp'

/**
 * What the text of definitions and the speed of reading depend on. With this search path every name outside of
 * `pg_catalog` is written with its schema, and no table, function or operator of anyone's takes the place of the system's;
 * temporary tables would otherwise come first. The rest is how constants and identifiers are written.
 */
const pinned = {
  search_path: SEARCH_PATH,
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
  const settings = { ...pinned, lock_timeout: `${lockTimeout}ms` }
  const readWithSettings = async (): Promise<T> => {
    if ((await currentSetting(query, 'search_path')) !== SEARCH_PATH) throw notOneConnection()
    return read()
  }
  if (await isInTransaction(query)) return withSettings(query, settings, 'transaction', readWithSettings)
  try {
    return await within(query, transaction('ISOLATION LEVEL REPEATABLE READ READ ONLY'), async () => {
      await setLocally(query, settings)
      return readWithSettings()
    })
  } catch (error) {
    // Of BEGIN: there was no transaction a moment ago, but there is one now.
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
