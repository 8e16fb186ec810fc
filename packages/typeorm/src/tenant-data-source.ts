import { TenantryError, type Tenancy } from '@tenantry/core'
import type { TenantPool, VerifyOptions } from '@tenantry/core/pg'
import { DataSource, type DataSourceOptions, type Driver } from 'typeorm'
import { refuseForeignActiveRecord } from './active-record.ts'
import { guardEntities } from './guard-subscriber.ts'
import { guardLazyRelations } from './lazy-relations.ts'
import { scopeResultCache } from './result-cache.ts'
import { scopeQueryRunner } from './scoped-query-runner.ts'
import {
  checkOptions,
  checkTenancy,
  refuseSchemaWork,
  type TenantDataSourceOptions,
} from './tenant-data-source-options.ts'
import { TenantPools } from './tenant-pools.ts'

/**
 * A `DataSource` whose every statement runs for the tenant of the scope it is sent in: repositories, query builders, raw
 * queries, relations, streams, transactions, on the primary and on replicas.
 *
 * It connects as the application's role. What changes tables is the business of a {@link MigrationDataSource}, and is
 * refused here: `synchronize()`, `dropDatabase()`, `runMigrations()`, `undoLastMigration()` and the options for them.
 *
 * @example
 * ```ts no-run
 * export const dataSource = new TenantDataSource({
 *   type: 'postgres',
 *   url: process.env.DATABASE_URL, // a role that is no superuser, owns nothing and has no BYPASSRLS
 *   system: { url: process.env.SYSTEM_DATABASE_URL },
 *   entities: [Project],
 *   tenancy,
 * })
 * await dataSource.initialize()
 * await tenancy.run(tenantId, () => dataSource.getRepository(Project).find())
 * ```
 */
export class TenantDataSource extends DataSource {
  /** The tenancy whose scopes decide. */
  readonly tenancy: Tenancy
  readonly #pools: TenantPools
  #initializing: Promise<this> | undefined

  /**
   * @throws TenantryError `INVALID_CONFIG` for options that would let a connection act outside of its scope, or change tables
   * @throws TenantryError `UNSUPPORTED_DRIVER` for a `type` other than postgres
   */
  constructor(options: TenantDataSourceOptions) {
    const { tenancy: given, system, prepare, ...others } = options
    const tenancy = checkTenancy(given)
    checkOptions(others)
    const pools = new TenantPools(tenancy, { system, prepare })
    super({
      // With the application's rights each would fail, with a warning, at every start.
      installExtensions: false,
      ...others,
      driver: pools.driver,
    })
    this.tenancy = tenancy
    this.#pools = pools
    takeOverDriver(this.driver)
    scopeResultCache(this, tenancy)
    guardEntities(this, tenancy)
    guardLazyRelations(this, tenancy)
    refuseForeignActiveRecord(this)
  }

  /**
   * The pool of the primary: for `pool.transaction()`, `pool.query()`, its events and counts.
   *
   * @throws TenantryError `INVALID_CONFIG` before `initialize()`
   */
  get pool(): TenantPool {
    const { master } = this.driver as unknown as { master?: TenantPool }
    if (master !== undefined) return master
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message: 'This TenantDataSource has no pool yet: await dataSource.initialize() first.',
    })
  }

  /**
   * Asks the server, over the application's own connections, whether row-level security holds for them; on the primary
   * and on every replica. Call it when the application starts.
   *
   * @param options the tenant column's name, and tables that are rightly not isolated
   * @throws UnsafeDatabaseError `UNSAFE_DATABASE` with every finding and the SQL that fixes it
   * @example
   * ```ts no-run
   * await dataSource.initialize()
   * await dataSource.verify()
   * ```
   */
  async verify(options?: VerifyOptions): Promise<void> {
    const { pool } = this
    const replicas = this.#pools.open.filter((each) => each !== pool)
    for (const each of [pool, ...replicas]) await each.verify(options)
  }

  /**
   * Connects, for no tenant, whoever calls it: in a request too. Called again meanwhile, it waits for the first.
   *
   * @throws TenantryError `INVALID_CONFIG` for options that `setOptions` should not have changed
   */
  override initialize(): Promise<this> {
    this.#initializing ??= this.#initialize().finally(() => {
      this.#initializing = undefined
    })
    return this.#initializing
  }

  /** @throws TenantryError `INVALID_CONFIG` for what the constructor refuses */
  override setOptions(options: Partial<DataSourceOptions>): this {
    checkOptions(options, this.#pools.driver)
    return super.setOptions(options)
  }

  /** Refused: only the owner of the tables may change them. */
  override synchronize(): Promise<void> {
    return Promise.reject(refuseSchemaWork('synchronize()'))
  }

  /** Refused: only the owner of the tables may drop them. */
  override dropDatabase(): Promise<void> {
    return Promise.reject(refuseSchemaWork('dropDatabase()'))
  }

  /** Refused: migrations are the owner's. */
  override runMigrations(): Promise<never> {
    return Promise.reject(refuseSchemaWork('runMigrations()'))
  }

  /** Refused: migrations are the owner's. */
  override undoLastMigration(): Promise<void> {
    return Promise.reject(refuseSchemaWork('undoLastMigration()'))
  }

  /** Whether there are migrations to run; asked for no tenant. */
  override showMigrations(): Promise<boolean> {
    return this.tenancy.withoutTenant(() => super.showMigrations())
  }

  async #initialize(): Promise<this> {
    if (this.isInitialized) return super.initialize()
    try {
      await this.tenancy.withoutTenant(() => super.initialize())
      return this
    } catch (error) {
      await this.#pools.end().catch(() => {})
      throw error
    }
  }
}

/** The driver lives as long as the data source, whatever is destroyed and initialized again. */
function takeOverDriver(driver: Driver): void {
  const createQueryRunner = driver.createQueryRunner.bind(driver)
  driver.createQueryRunner = (mode) => scopeQueryRunner(createQueryRunner(mode))
  // Of the command line: `schema:log`, `schema:sync`, `migration:generate`.
  driver.createSchemaBuilder = () => {
    throw refuseSchemaWork('A schema builder')
  }
}
