import { TenantryError } from '@tenantry/core'

/**
 * Where the PostgreSQL of a test run comes from: a server somebody else runs (`url`), a Docker container
 * (`container`), or the server that npm ships (`embedded`).
 */
export type PostgresProviderName = 'url' | 'container' | 'embedded'

/** The value of one PostgreSQL setting, such as `'64MB'`, `300` or `false`. */
export type ServerSettings = Readonly<Record<string, string | number | boolean>>

/** What every provider is asked for; each takes what concerns it. */
export interface ServerRequest {
  /** The connection string to use. Provider `url` only. */
  readonly url: string | undefined
  /** The Docker image to run. Provider `container` only. */
  readonly image: string
  /** Settings the server starts with, on top of {@link fastSettings}. Not for provider `url`, whose server already runs. */
  readonly settings: ServerSettings
}

/** A server that a provider found or started. */
export interface ProvidedServer {
  /** A superuser's connection string. */
  readonly url: string
  /** Ends the server, if the provider started it. */
  stop(): Promise<void>
}

/** One way to get a server. Throws `POSTGRES_UNAVAILABLE`, with the reason as its message, when it cannot. */
export type PostgresProvider = (request: ServerRequest) => Promise<ProvidedServer>

/**
 * Settings of a server whose data nobody will miss: nothing waits for the disk, and there is room for the
 * connection pools of a parallel test run. https://www.postgresql.org/docs/current/non-durability.html
 */
export const fastSettings: ServerSettings = {
  fsync: false,
  synchronous_commit: false,
  full_page_writes: false,
  shared_buffers: '64MB',
  max_connections: 300,
  max_prepared_transactions: 20,
  timezone: 'UTC',
}

/** The settings as arguments of the server program: `-c name=value` each. */
export function settingsArguments(settings: ServerSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** The error of a provider that has no server to offer. */
export function unavailable(reason: string, cause?: unknown): TenantryError {
  return new TenantryError({ code: 'POSTGRES_UNAVAILABLE', message: reason, cause })
}

/** What went wrong, in words. A failed connection to `localhost` is an AggregateError with an empty message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
