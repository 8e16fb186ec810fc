import { createHash } from 'node:crypto'
import { TenantRequiredError, TenantryError, type Scope, type Tenancy } from '@tenantry/core'
import type { DataSource, QueryRunner } from 'typeorm'

type QueryResultCache = NonNullable<DataSource['queryResultCache']>
type CacheOptions = Parameters<QueryResultCache['getFromCache']>[0]

/**
 * Gives every scope results of its own in the result cache of a data source, which finds them by their SQL and so serves one
 * tenant's rows to another. Holds for every store, a custom `provider` too, and for one that `setOptions({ cache })` makes
 * later.
 *
 * @param dataSource of a pool that is scoped by `tenancy`
 */
export function scopeResultCache(dataSource: DataSource, tenancy: Tenancy): void {
  const scoped = (cache: QueryResultCache | undefined): QueryResultCache | undefined =>
    cache === undefined || cache instanceof ScopedResultCache
      ? cache
      : new ScopedResultCache(cache, dataSource, tenancy)
  let current = scoped(dataSource.queryResultCache)
  Object.defineProperty(dataSource, 'queryResultCache', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (cache: QueryResultCache | undefined) => {
      current = scoped(cache)
    },
  })
}

/**
 * A result cache whose identifiers and queries start with a hash of the whole scope, tenant and every setting.
 *
 * In transactions nothing is looked up or stored: what they read may be rolled back.
 */
class ScopedResultCache implements QueryResultCache {
  readonly #cache: QueryResultCache
  readonly #dataSource: DataSource
  readonly #tenancy: Tenancy
  /** The scope that a query runner looked things up in, or `null` once there were several. */
  readonly #lookedUpIn = new WeakMap<QueryRunner, string | null>()

  constructor(cache: QueryResultCache, dataSource: DataSource, tenancy: Tenancy) {
    this.#cache = cache
    this.#dataSource = dataSource
    this.#tenancy = tenancy
  }

  connect(): Promise<void> {
    return this.#cache.connect()
  }

  disconnect(): Promise<void> {
    return this.#cache.disconnect()
  }

  synchronize(queryRunner?: QueryRunner): Promise<void> {
    return this.#cache.synchronize(queryRunner)
  }

  isExpired(savedCache: CacheOptions): boolean {
    return this.#cache.isExpired(savedCache)
  }

  /** @throws TenantRequiredError if there is no scope */
  async getFromCache(options: CacheOptions, queryRunner?: QueryRunner): Promise<CacheOptions | undefined> {
    const scope = this.#scope()
    if (this.#isBypassed(scope, queryRunner)) return undefined
    if (queryRunner !== undefined) {
      const before = this.#lookedUpIn.get(queryRunner)
      this.#lookedUpIn.set(queryRunner, before === undefined || before === scope.key ? scope.key : null)
    }
    return this.#cache.getFromCache(scopedOptions(scope, options), queryRunner)
  }

  /** @throws TenantRequiredError if there is no scope */
  async storeInCache(
    options: CacheOptions,
    savedCache: CacheOptions | undefined,
    queryRunner?: QueryRunner,
  ): Promise<void> {
    const scope = this.#scope()
    if (this.#isBypassed(scope, queryRunner)) return
    // A `source` of the tenancy may say something else by now: the rows are those of the scope that asked.
    if (queryRunner !== undefined && this.#lookedUpIn.get(queryRunner) !== scope.key) return
    const store = (runner: QueryRunner | undefined): Promise<void> =>
      this.#cache.storeInCache(scopedOptions(scope, options), savedCache, runner)
    // For a replica's TypeORM opens one of its own, and 0.3 loses it where storing fails.
    const isWritable = queryRunner !== undefined && queryRunner.getReplicationMode() !== 'slave'
    await (isWritable ? store(queryRunner) : this.#withRunner(store))
  }

  /**
   * Removes results by their identifiers, those of the current scope.
   * @throws TenantRequiredError if there is no scope
   */
  async remove(identifiers: string[], queryRunner?: QueryRunner): Promise<void> {
    const scope = this.#scope()
    const scoped = identifiers.map((identifier) => scopedKey(scope, identifier))
    await this.#withRunner((runner) => this.#cache.remove(scoped, runner), queryRunner)
  }

  /**
   * Removes all results of the current scope; as the system, all results. TypeORM's own store is emptied by DELETE, as the
   * application may not TRUNCATE.
   *
   * @throws TenantRequiredError if there is no scope
   * @throws TenantryError `UNSUPPORTED_DRIVER` for a tenant where another store can only be emptied for all
   */
  async clear(queryRunner?: QueryRunner): Promise<void> {
    const scope = this.#scope()
    const table = tableOf(this.#cache)
    if (table === undefined) {
      if (scope.kind !== 'system') throw notClearable()
      await this.#cache.clear(queryRunner)
      return
    }
    await this.#withRunner(async (runner) => {
      const all = runner.manager.createQueryBuilder().delete().from(table)
      await (
        scope.kind === 'system'
          ? all
          : all.where('starts_with(query, :prefix)', { prefix: scopedKey(scope, '') })
      ).execute()
    }, queryRunner)
  }

  #scope(): Scope {
    const scope = this.#tenancy.current()
    if (scope !== undefined) return scope
    throw new TenantRequiredError(
      'The result cache was asked without a scope, so that there is no telling whose rows to use. ' +
        'Do it inside tenancy.run(tenant, fn).',
    )
  }

  /** A row of TypeORM's own store belongs to a tenant; where there is none, the database is asked. */
  #isBypassed(scope: Scope, queryRunner: QueryRunner | undefined): boolean {
    const isInTransaction = queryRunner?.isTransactionActive === true
    return isInTransaction || (scope.kind !== 'tenant' && tableOf(this.#cache) !== undefined)
  }

  /** Releases what it opens, whatever happens: TypeORM 0.3 does not. */
  async #withRunner(work: (runner: QueryRunner) => Promise<void>, given?: QueryRunner): Promise<void> {
    if (given !== undefined) return work(given)
    const runner = this.#dataSource.createQueryRunner()
    try {
      await work(runner)
    } finally {
      await runner.release()
    }
  }
}

function scopedOptions(scope: Scope, options: CacheOptions): CacheOptions {
  const { identifier, query } = options
  return {
    ...options,
    // An empty one means none to the stores.
    ...(identifier !== undefined && identifier !== '' && { identifier: scopedKey(scope, identifier) }),
    ...(query !== undefined && { query: scopedKey(scope, query) }),
  }
}

/** Hashed, so that no value of a scope is in the keys of the store, and all of them are of one length. */
function scopedKey(scope: Scope, key: string): string {
  return `${createHash('sha256').update(scope.key).digest('hex')}:${key}`
}

/** The table of TypeORM's own store, which keeps results in the database. */
function tableOf(cache: QueryResultCache): string | undefined {
  return (cache as { queryResultCacheTable?: string }).queryResultCacheTable
}

function notClearable(): TenantryError {
  return new TenantryError({
    code: 'UNSUPPORTED_DRIVER',
    message:
      'This store of results can only be emptied for all tenants at once. Remove what is outdated by its identifier, ' +
      'queryResultCache.remove([…]), or do it inside tenancy.asSystem(reason, fn).',
  })
}
