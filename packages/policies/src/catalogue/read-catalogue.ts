import { TenantryError } from '../errors.ts'
import type { Query } from '../query.ts'
import { messageOf, sqlState } from '../session/database-error.ts'
import type { Catalogue } from './catalogue.ts'
import { readFunctions } from './read-functions.ts'
import type { Reading } from './read-json.ts'
import { readSchemaNames, readServer } from './read-server.ts'
import { readSequences } from './read-sequences.ts'
import { readTables } from './read-tables.ts'
import { readViews } from './read-views.ts'
import { withReadingSettings } from './reading-session.ts'

/** The oldest PostgreSQL that is supported, as `server_version_num`. */
const OLDEST_VERSION = 140_000

/** The schema of Tenantry's own objects. */
const OWN_SCHEMA = 'tenantry'

/** What to read. A `Tenancy` fits. */
export interface ReadCatalogueOptions {
  /** The schemas, `['public']` by default. `tenantry` is read as well where it exists. */
  readonly schemas?: readonly string[]
  /**
   * For how many milliseconds to wait for a table that somebody has locked against reading, as ALTER TABLE does; 5000 by
   * default, 0 for no limit.
   */
  readonly lockTimeout?: number
}

/**
 * Reads what a database contains: tables, keys, policies, grants, views, functions, sequences and the server's roles, in a
 * fixed number of statements however many tables there are. Any role may call it, for everything stands in PostgreSQL's
 * own catalogue; nothing is changed.
 *
 * Definitions are written in one way whatever the session's settings are, names outside of `pg_catalog` with their schema,
 * so that they may be compared and run again. Outside a transaction it opens one, read only, for the time of
 * the reading. Inside one it reads there, and sets `search_path` and the like for that time.
 *
 * @param query One connection: it may be within a transaction or not.
 * @param options The schemas to read.
 * @returns Plain data: two equal databases give deeply equal catalogues, apart from the sizes (`withoutSizes`).
 * @throws TenantryError `CATALOGUE_UNREADABLE` if the server is older than PostgreSQL 14, if a schema does not exist (all
 *   such are named), if the role may not read the system catalogue, if a table stays locked, or if `query` is not one
 *   connection.
 *
 * @example
 * ```ts no-run
 * const tenancy = defineTenancy({ tenantTable: 'tenants' })
 * const catalogue = await readCatalogue(query, tenancy)
 * ```
 */
export async function readCatalogue(query: Query, options: ReadCatalogueOptions = {}): Promise<Catalogue> {
  const { schemas = ['public'], lockTimeout = 5000 } = options
  try {
    const serverVersion = await supportedVersion(query)
    return await withReadingSettings(query, lockTimeout, async () =>
      readAll({ query, serverVersion, schemaIds: await schemaIds(query, schemas) }),
    )
  } catch (error) {
    // insufficient_privilege, lock_not_available
    if (sqlState(error) === '42501') throw unreadable(error)
    if (sqlState(error) === '55P03') throw locked(error, lockTimeout)
    throw error
  }
}

async function readAll(reading: Reading): Promise<Catalogue> {
  return {
    serverVersion: reading.serverVersion,
    ...(await readServer(reading)),
    tables: await readTables(reading),
    views: await readViews(reading),
    functions: await readFunctions(reading),
    sequences: await readSequences(reading),
  }
}

async function supportedVersion(query: Query): Promise<number> {
  const { rows } = await query("SELECT pg_catalog.current_setting('server_version_num') AS version")
  const version = Number(rows[0]?.['version'])
  if (version >= OLDEST_VERSION) return version
  throw new TenantryError({
    code: 'CATALOGUE_UNREADABLE',
    message: `The server is PostgreSQL ${Math.floor(version / 10_000)}; 14 is the oldest that is supported. Upgrade the server.`,
  })
}

async function schemaIds(query: Query, wanted: readonly string[]): Promise<string> {
  const existing = await readSchemaNames(query)
  const names = existing.map(({ name }) => name)
  const missing = wanted.filter((name) => name !== OWN_SCHEMA && !names.includes(name))
  if (missing.length > 0) throw missingSchemas(missing, names)
  const read = existing.filter(({ name }) => name === OWN_SCHEMA || wanted.includes(name))
  return `{${read.map(({ id }) => id).join(',')}}`
}

function missingSchemas(missing: readonly string[], existing: readonly string[]): TenantryError {
  const list = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ')
  return new TenantryError({
    code: 'CATALOGUE_UNREADABLE',
    message: `The database has no schema ${list(missing)}. It has ${list(existing) || 'none'}. Correct \`schemas\`, or create what is missing.`,
    problems: missing.map((name) => ({
      code: 'UNKNOWN_SCHEMA',
      object: `schema ${name}`,
      message: `The database has no schema ${JSON.stringify(name)}.`,
      fix: `Take it out of \`schemas\`, write its name as the database does, or create it.`,
    })),
  })
}

function unreadable(cause: unknown): TenantryError {
  return new TenantryError({
    code: 'CATALOGUE_UNREADABLE',
    message: `The role may not read PostgreSQL's system catalogue: ${messageOf(cause)}. Read it as a role that may, such as the owner of the tables.`,
    cause,
  })
}

function locked(cause: unknown, lockTimeout: number): TenantryError {
  return new TenantryError({
    code: 'CATALOGUE_UNREADABLE',
    message:
      `Somebody holds a lock on a table, such as that of an ALTER TABLE, and did not let go within ${lockTimeout} ms. Read ` +
      'again when it is gone: pg_locks and pg_stat_activity say who it is.',
    cause,
  })
}
