import pg from 'pg'
import { describeValue } from '../describe-value.ts'
import { TenantryError } from '../errors.ts'
import type { Setting } from '../settings.ts'
import type { Tenancy } from '../tenancy.ts'

/** How the system pool connects: what `pg.Pool` takes, for a role of its own. */
export type SystemPoolOptions = Omit<pg.PoolConfig, 'Client' | 'pipeline'>

/** What {@link TenantPool} takes: everything that `pg.Pool` takes, and the following. */
export interface TenantPoolOptions extends Omit<pg.PoolConfig, 'Client' | 'pipeline'> {
  /** The tenancy whose current scope decides for which tenant a statement runs. */
  readonly tenancy: Tenancy
  /**
   * Connection of the role that may cross tenants (BYPASSRLS, not superuser), for `tenancy.asSystem`. What it does not
   * name (host, pool size, …) is as for the pool itself, except for the credentials. Without it, `asSystem` statements
   * are refused.
   */
  readonly system?: SystemPoolOptions
  /**
   * Prepares statements that are used more than once, under a name made of a hash of their text, up to 100 on each
   * connection. Saves the server parsing and planning: with row-level security more than without. Off by default, as
   * each connection keeps the plans in the server's memory. Safe behind PgBouncer 1.21 and later with
   * `max_prepared_statements`; behind a pooler that loses names it turns itself off (`tenantry:prepare-disabled`).
   * @default false
   */
  readonly prepare?: boolean
}

function invalid(message: string): never {
  throw new TenantryError({ code: 'INVALID_CONFIG', message })
}

function unsupported(message: string): never {
  throw new TenantryError({ code: 'UNSUPPORTED_DRIVER', message })
}

/** What a client would start its sessions with: from `options`, the connection string or PGOPTIONS. */
function startupOptions(config: pg.PoolConfig): string {
  // Not connected: a client works out its parameters when it is made, from all of these.
  const { stream: _stream, ...parameters } = config
  const client = new pg.Client(parameters) as unknown as { connectionParameters: { options?: string } }
  return client.connectionParameters.options ?? ''
}

/**
 * Refuses what would let a connection act outside of its scope.
 * @throws TenantryError `INVALID_CONFIG`, `UNSUPPORTED_DRIVER`
 */
export function checkPoolOptions(options: TenantPoolOptions, settings: readonly Setting[]): void {
  const given = options as unknown as Record<string, unknown>
  if (
    given['native'] ||
    process.env['NODE_PG_FORCE_NATIVE'] ||
    !('_handleReadyForQuery' in pg.Client.prototype)
  ) {
    unsupported(
      'TenantPool does not support pg.native: libpq gives no access to the protocol groups that carry the tenant. ' +
        'Unset NODE_PG_FORCE_NATIVE and use the JavaScript client.',
    )
  }
  if (given['pipeline']) {
    unsupported(
      "TenantPool does not support pg's pipeline mode: remove `pipeline: true`. " +
        'A scoped statement takes one round trip without it.',
    )
  }
  if (given['Client'] !== undefined) {
    invalid(
      'TenantPool makes its own clients: remove the option `Client`. To set up a connection use onConnect.',
    )
  }
  const prepare: unknown = options.prepare
  if (prepare !== undefined && typeof prepare !== 'boolean') {
    invalid(`new TenantPool({ prepare }) is ${describeValue(prepare)}: give true or false.`)
  }
  // As the server reads them: a backslash quotes any character, and "--a-b" means "a_b".
  const startup = startupOptions(options).toLowerCase().replaceAll('\\', '').replaceAll('-', '_')
  const preset = settings.find((setting) => startup.includes(setting.parameter))
  if (preset !== undefined) {
    invalid(
      `The connection's startup options preset "${preset.parameter}", the setting that carries ${preset.key}. ` +
        'Remove it from `options`, the connection string and PGOPTIONS: only the scope sets it.',
    )
  }
}

/** @throws TenantryError `INVALID_CONFIG` */
export function checkTenancy(tenancy: unknown): Tenancy {
  const candidate = tenancy as Partial<Tenancy> | null | undefined
  if (typeof candidate?.current !== 'function' || !Array.isArray(candidate.settings)) {
    return invalid(
      `new TenantPool({ tenancy }) is ${describeValue(tenancy)}: give what createTenancy() returned.`,
    )
  }
  return candidate as Tenancy
}

// Whom and where to connect to: never mixed of two roles.
const IDENTITY = ['user', 'password']
const ADDRESS = ['connectionString', 'host', 'port', 'database']

/** The system pool's options: the pool's own, without its credentials, under those given. */
export function systemPoolOptions(options: TenantPoolOptions, system: SystemPoolOptions): TenantPoolOptions {
  const { system: _system, ...shared } = options as TenantPoolOptions & Record<string, unknown>
  if (typeof system !== 'object' || system === null) {
    invalid(
      `new TenantPool({ system }) is ${describeValue(system)}: give connection options such as { connectionString }.`,
    )
  }
  if (system.connectionString === undefined && system.user === undefined) {
    invalid(
      'new TenantPool({ system }) names no role of its own: give `connectionString`, or `user` and `password`.',
    )
  }
  const ownAddress = system.connectionString !== undefined || system.host !== undefined
  if (!ownAddress && options.connectionString !== undefined) {
    invalid(
      'new TenantPool({ system }) gives a user but no address, and that of the pool is in a connection string, which ' +
        'overrides any user: give `system.connectionString`.',
    )
  }
  for (const key of IDENTITY) delete shared[key]
  if (system.connectionString !== undefined || options.connectionString !== undefined) {
    for (const key of ADDRESS) delete shared[key]
  }
  const tenancy = options.tenancy
  return { ...shared, ...system, tenancy }
}
