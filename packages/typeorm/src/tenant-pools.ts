import { TenantryError, type Tenancy } from '@tenantry/core'
import { TenantPool, type SystemPoolOptions } from '@tenantry/core/pg'
import pg from 'pg'
import type { SystemCredentials, TenantDataSourceOptions } from './tenant-data-source-options.ts'

/** What TypeORM takes for its option `driver`: the parts of node-postgres that it uses. */
export interface InjectedDriver {
  readonly Pool: new (config: pg.PoolConfig) => pg.Pool
  readonly defaults: typeof pg.defaults
}

/** What a pool is told besides what TypeORM tells it. */
type PoolOptions = { readonly [Name in 'system' | 'prepare']: TenantDataSourceOptions[Name] | undefined }

/**
 * The pools that TypeORM opens: that of the primary, one for each replica, and again after a `destroy()`. It asks for a
 * class and knows nothing of tenants, so each class given to it belongs to one data source.
 */
export class TenantPools {
  /** Without `native`, for which TypeORM would leave the pools aside where pg-native is installed. */
  readonly driver: InjectedDriver
  readonly #tenancy: Tenancy
  readonly #own: { readonly system?: SystemPoolOptions; readonly prepare?: boolean }
  #opened: TenantPool[] = []

  /** @throws TenantryError `INVALID_CONFIG` for a second copy of pg */
  constructor(tenancy: Tenancy, { system, prepare }: PoolOptions) {
    assertOneCopyOfPg(pg.Pool)
    this.#tenancy = tenancy
    this.#own = {
      ...(system !== undefined && { system: systemPoolOptions(system) }),
      ...(prepare !== undefined && { prepare }),
    }
    const open = (config: pg.PoolConfig): TenantPool => this.#open(config)
    function Pool(config: pg.PoolConfig): pg.Pool {
      return open(config)
    }
    this.driver = { Pool: Pool as unknown as InjectedDriver['Pool'], defaults: pg.defaults }
  }

  /** The pools that are open: of the replicas first, as TypeORM opens them. */
  get open(): readonly TenantPool[] {
    return this.#opened.filter((pool) => !(pool as unknown as { ending: boolean }).ending)
  }

  /** Ends what is open. TypeORM forgets a pool whose first connection fails. */
  async end(): Promise<void> {
    const open = this.open
    this.#opened = []
    await Promise.all(open.map((pool) => pool.end()))
  }

  #open(config: pg.PoolConfig): TenantPool {
    // The tenancy comes last: what TypeORM is given as `extra` is part of the config.
    const pool = new TenantPool({ ...config, ...this.#own, tenancy: this.#tenancy })
    this.#opened = [...this.open, pool]
    return pool
  }
}

/**
 * TypeORM sets parsers of types on the copy of pg it is given, and the connections are of that which core imports.
 *
 * @throws TenantryError `INVALID_CONFIG`
 */
export function assertOneCopyOfPg(pool: typeof pg.Pool): void {
  if (TenantPool.prototype instanceof pool) return
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      '@tenantry/typeorm and @tenantry/core import two copies of pg, so that settings of the one mean nothing to the ' +
      'connections of the other. Install a single version: `npm ls pg` shows who asks for which.',
  })
}

/** TypeORM's names for it, made pg's; without what is undefined, which would override the pool's own. */
function systemPoolOptions(credentials: SystemCredentials): SystemPoolOptions {
  const { url, username, applicationName, poolSize, ...others } = credentials
  const options = {
    ...others,
    connectionString: url,
    user: username,
    application_name: applicationName,
    max: poolSize,
  }
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as SystemPoolOptions
}
