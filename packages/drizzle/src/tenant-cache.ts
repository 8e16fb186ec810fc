import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import { TenantRequiredError, TenantryError, type Scope, type Tenancy } from '@tenantry/core'
import { entityKind } from 'drizzle-orm'
import { Cache } from 'drizzle-orm/cache/core'

/** What a statement changed, or what somebody wants to be read afresh. */
export type Mutation = Parameters<Cache['onMutate']>[0]

type CacheConfig = Parameters<Cache['put']>[4]

/** One statement on its way, from looking it up to storing its rows. */
interface Execution {
  readonly scope: Scope | undefined
  readonly mutations: Mutation[]
}

/**
 * A cache of Drizzle in which every scope has results of its own: made by {@link tenantCache}, for `drizzle()` of this
 * package.
 */
export class TenantCache extends Cache {
  // Its own: Drizzle 1.0 takes classes of one kind for the same.
  static override readonly [entityKind]: string = 'TenantCache'
  readonly #cache: Cache
  /** The one whose scopes its results belong to. */
  readonly tenancy: Tenancy
  readonly #executions = new AsyncLocalStorage<Execution>()

  constructor(cache: Cache, tenancy: Tenancy) {
    super()
    this.#cache = cache
    this.tenancy = tenancy
  }

  override strategy(): 'explicit' | 'all' {
    return this.#cache.strategy()
  }

  /** @throws TenantRequiredError if there is no scope */
  override get(
    key: string,
    tables: string[],
    isTag: boolean,
    isAutoInvalidate?: boolean,
  ): Promise<unknown[] | undefined> {
    const scoped = this.#scoped(key)
    if (!isTag) return this.#cache.get(scoped, tables, false, isAutoInvalidate)
    return this.#cache.get(
      scoped,
      [...(isAutoInvalidate === true ? tables : []), tableOfTag(key)],
      true,
      true,
    )
  }

  override put(
    key: string,
    response: unknown,
    tables: string[],
    isTag: boolean,
    config?: CacheConfig,
  ): Promise<void> {
    const ofTag = isTag ? [tableOfTag(key)] : []
    return this.#cache.put(this.#scoped(key), response, [...tables, ...ofTag], isTag, config)
  }

  override async onMutate(mutation: Mutation): Promise<void> {
    const execution = this.#executions.getStore()
    if (execution === undefined) await this.#invalidate(mutation)
    else execution.mutations.push(mutation)
  }

  /**
   * Runs one statement. From the look-up to the storing of its rows it keeps the scope it started in, and what it
   * changes is invalidated when it is over: Drizzle 0.45 does so while the statement still runs.
   */
  async execute<Result>(statement: () => Promise<Result>): Promise<Result> {
    const execution: Execution = { scope: this.tenancy.current(), mutations: [] }
    const running = this.tenancy.bind(() => this.#executions.run(execution, statement))()
    return this.invalidateAfter(running, execution.mutations)
  }

  /** Invalidates whatever the outcome: the answer to a commit may be lost, and the first error is the one that counts. */
  async invalidateAfter<Result>(work: Promise<Result>, mutations: readonly Mutation[]): Promise<Result> {
    let result: Result
    try {
      result = await work
    } catch (error) {
      await this.#invalidateAll(mutations).catch(() => {})
      throw error
    }
    await this.#invalidateAll(mutations)
    return result
  }

  async #invalidateAll(mutations: readonly Mutation[]): Promise<void> {
    for (const mutation of mutations) await this.#invalidate(mutation)
  }

  /** In all scopes: a write by the system, or by another user of the tenant, changes what each of them would read. */
  async #invalidate({ tables, tags }: Mutation): Promise<void> {
    if (tables !== undefined) await this.#cache.onMutate({ tables })
    if (tags !== undefined) await this.#cache.onMutate({ tables: [tags].flat().map(tableOfTag) })
  }

  /** Hashed, so that no tenant's values are in the keys of the store. */
  #scoped(key: string): string {
    const execution = this.#executions.getStore()
    if (execution === undefined) {
      throw new TenantryError({
        code: 'INVALID_CONFIG',
        message:
          'tenantCache(…) works with drizzle() of @tenantry/drizzle/node-postgres and @tenantry/drizzle/postgres-js, ' +
          'which keep it out of transactions.',
      })
    }
    if (execution.scope === undefined) {
      throw new TenantRequiredError(
        'A query asked the cache without a scope, so that there is no telling whose rows it may get. ' +
          'Run it inside tenancy.run(tenant, fn).',
      )
    }
    return createHash('sha256')
      .update(JSON.stringify([execution.scope.key, key]))
      .digest('hex')
  }
}

/**
 * The name of a table that there is none of. Stores find what to drop by table, across all scopes, but a tag only under
 * its exact key, which is a different one in every scope.
 */
function tableOfTag(tag: string): string {
  return `tenantry:tag:${tag}`
}

/**
 * Keeps the results in a cache of Drizzle apart by scope: tenant and every setting. Without it a cache serves one
 * tenant's rows to another, as it finds them by their SQL.
 *
 * Writes invalidate what was read from their tables in all scopes, and tags likewise. Inside transactions nothing is
 * read from it or put into it, and what they wrote is invalidated after their end. A query without a scope is refused.
 *
 * @param cache any cache of Drizzle; its store must not be shared with another database
 * @param tenancy that of the client, `pool.tenancy` or `sql.tenancy`; `drizzle()` refuses another
 * @example
 * ```ts no-run
 * const db = drizzle({ client: pool, cache: tenantCache(upstashCache({ global: true }), tenancy) })
 * ```
 */
export function tenantCache(cache: Cache, tenancy: Tenancy): Cache {
  return new TenantCache(cache, tenancy)
}
