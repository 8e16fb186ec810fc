import { createDatabase, dropDatabasesOfRun } from './create-database.ts'
import type { CreateDatabaseOptions, DatabaseSite } from './create-database.ts'
import type { PostgresProviderName, ProvidedServer } from './provider.ts'
import { withClient } from './query-as.ts'
import { ensureRoles } from './roles.ts'
import { nameRun, runNameOf } from './run-name.ts'
import type { TestDatabase } from './test-database.ts'
import { parseServerUrl } from './url-provider.ts'

/** A PostgreSQL server to test on. */
export interface TestPostgres {
  /** Where it comes from. */
  readonly provider: PostgresProviderName
  /**
   * A superuser's connection string, for the database `postgres` unless it was given with another. Hand it to the
   * other processes of the run, which pass it to {@link connectToPostgres}.
   */
  readonly url: string
  /**
   * Makes a database of the test's own, which `tenantry_owner` owns, and which `tenantry_app` and
   * `tenantry_system` may connect to. Nobody else may, and only the owner may create anything in it.
   *
   * @throws {TenantryError} `INVALID_CONFIG` for a bad name or an unknown template. Errors of the setup and of
   * PostgreSQL pass through.
   *
   * @example
   * ```ts
   * const database = await server.createDatabase({ template: 'tenancy', setup: tenancySchema() })
   * const pool = new TenantPool({ tenancy, connectionString: database.urls.app })
   * ```
   */
  createDatabase(options?: CreateDatabaseOptions): Promise<TestDatabase>
  /**
   * Ends the server if {@link startPostgres} started it; on a server that was there before, drops the databases of
   * this run instead and leaves only the three roles. Does nothing on what {@link connectToPostgres} returned.
   */
  stop(): Promise<void>
}

/**
 * The {@link TestPostgres} of a server that `startPostgres()` started or found elsewhere, as a rule in another
 * process: vitest's global set-up starts the server once, its workers connect.
 *
 * @param url The `url` of what `startPostgres()` returned.
 * @throws {TenantryError} `INVALID_CONFIG` for any other connection string.
 *
 * @example
 * ```ts
 * // global-setup.ts
 * export default async function ({ provide }: TestProject) {
 *   const server = await startPostgres()
 *   provide('postgresUrl', server.url)
 *   return () => server.stop()
 * }
 *
 * // in a test file
 * const server = connectToPostgres(inject('postgresUrl'))
 * const database = await server.createDatabase({ template: 'tenancy', setup: tenancySchema() })
 * ```
 */
export function connectToPostgres(url: string): TestPostgres {
  const parsed = parseServerUrl(url)
  const site: DatabaseSite = { url: parsed, runName: runNameOf(parsed) }
  return testPostgres(site, 'url', async () => {})
}

/** Begins a run on a server that a provider gave: makes the roles, and returns the server's public side. */
export async function beginRun(
  provider: PostgresProviderName,
  server: ProvidedServer,
): Promise<TestPostgres> {
  const url = nameRun(new URL(server.url))
  await withClient(url.href, (client) => ensureRoles(client, url))
  const site: DatabaseSite = { url, runName: runNameOf(url) }
  return testPostgres(site, provider, async () => {
    if (provider === 'url') await dropDatabasesOfRun(site)
    await server.stop()
  })
}

function testPostgres(
  site: DatabaseSite,
  provider: PostgresProviderName,
  stop: () => Promise<void>,
): TestPostgres {
  let stopped: Promise<void> | undefined
  return {
    provider,
    url: site.url.href,
    createDatabase: (options = {}) => createDatabase(site, options),
    // Once: the second caller waits for the first one's work.
    stop: () => (stopped ??= stop()),
  }
}
