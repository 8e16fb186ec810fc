import postgres from 'postgres'
import { describeValue } from '../describe-value.ts'
import { TenantryError } from '../errors.ts'
import type { Setting } from '../settings.ts'
import type { Tenancy } from '../tenancy.ts'
import type { ParsedOptions } from './pending-query.ts'

type Types = Record<string, postgres.PostgresType>

/** How the system's connections are made: what `postgres()` takes, for a role of its own. */
export interface SystemSqlOptions extends postgres.Options<Types> {
  /** A connection string. */
  readonly url?: string
}

/** What {@link tenantPostgres} takes: everything that `postgres()` takes, and the following. */
export type TenantPostgresOptions<T extends Types = Record<never, postgres.PostgresType>> =
  postgres.Options<T> & {
    /** The tenancy whose current scope decides for which tenant a query runs. */
    readonly tenancy: Tenancy
    /** The connection string, where it is not the first argument. */
    readonly url?: string
    /**
     * Connections of the role that may cross tenants (BYPASSRLS, not superuser), for `tenancy.asSystem`. What they do
     * not name (host, number of connections, …) is as for the others, except for the credentials. Without them,
     * queries in `asSystem` are refused.
     */
    readonly system?: SystemSqlOptions
  }

function invalid(message: string): never {
  throw new TenantryError({ code: 'INVALID_CONFIG', message })
}

/** @throws TenantryError `INVALID_CONFIG` */
export function checkTenancy(tenancy: unknown): Tenancy {
  const candidate = tenancy as Partial<Tenancy> | null | undefined
  if (typeof candidate?.current !== 'function' || !Array.isArray(candidate.settings)) {
    return invalid(
      `tenantPostgres({ tenancy }) is ${describeValue(tenancy)}: give what createTenancy() returned.`,
    )
  }
  return candidate as Tenancy
}

/** Has postgres.js parse its own options, by a client that is never connected. */
function parse(url: string | undefined, options: object): ParsedOptions {
  const client = url === undefined ? postgres(options) : postgres(url, options)
  return client.options as unknown as ParsedOptions
}

/**
 * The options of the application's connections.
 * @throws TenantryError `INVALID_CONFIG` for what would let a connection act outside of its scope
 */
export function parseOptions(
  { tenancy: _tenancy, url, system: _system, ...options }: TenantPostgresOptions<never>,
  settings: readonly Setting[],
): ParsedOptions {
  const parsed = parse(url, options)
  refusePresets(parsed, settings)
  return parsed
}

function refusePresets({ connection }: ParsedOptions, settings: readonly Setting[]): void {
  // As the server reads its `options`: a backslash quotes any character, and "--a-b" means "a_b".
  const startup = JSON.stringify(connection).toLowerCase().replaceAll('\\', '').replaceAll('-', '_')
  const preset = settings.find(({ parameter }) => startup.includes(parameter))
  if (preset !== undefined) {
    invalid(
      `The connection's startup parameters preset "${preset.parameter}", the setting that carries ${preset.key}. ` +
        'Remove it from `connection` and the connection string: only the scope sets it.',
    )
  }
}

// Whom and where to connect to: never mixed of two roles.
const IDENTITY = ['user', 'username', 'pass', 'password']
const ADDRESS = ['host', 'hostname', 'port', 'path', 'database', 'db']

/**
 * The options of the system's connections: those of the application's, without their credentials, under those given.
 * Values are read and written by the same parsers and serializers, which ORMs replace in `sql.options`.
 *
 * @throws TenantryError `INVALID_CONFIG`
 */
export function parseSystemOptions(
  given: TenantPostgresOptions<never>,
  parsed: ParsedOptions,
  settings: readonly Setting[],
): ParsedOptions {
  const {
    tenancy: _tenancy,
    url: _url,
    system,
    ...shared
  } = given as TenantPostgresOptions<never> & Record<string, unknown>
  if (typeof system !== 'object' || system === null) {
    invalid(
      `tenantPostgres({ system }) is ${describeValue(system)}: give connection options such as { url }.`,
    )
  }
  const { url, ...own } = system
  if (url === undefined && own.user === undefined && own.username === undefined) {
    invalid('tenantPostgres({ system }) names no role of its own: give `url`, or `user` and `password`.')
  }
  for (const key of [...IDENTITY, ...ADDRESS]) delete shared[key]
  const { host, port, path, database, ssl } = parsed
  const address =
    url !== undefined || own.host !== undefined || own.hostname !== undefined || own.path !== undefined
      ? {}
      : { host, port, database, ssl, ...(path && { path }) }
  const systemParsed = parse(url, { ...shared, ...address, ...own })
  refusePresets(systemParsed, settings)
  return {
    ...systemParsed,
    parsers: parsed.parsers,
    serializers: parsed.serializers,
    shared: { retries: 0, typeArrayMap: parsed.shared.typeArrayMap },
  }
}
