import pg from 'pg'
import type { Scope } from '../scope.ts'
import { noTenantScope } from '../scope.ts'
import { refused } from '../events.ts'
import type { Tenancy } from '../tenancy.ts'
import { bindSubmittable } from './bind-submittable.ts'
import { inCallersContext, outsideOfRequests } from './caller-context.ts'
import { Checkout, refusalOf } from './checkout.ts'
import { HOME } from './client-home.ts'
import type { ClientHome } from './client-home.ts'
import type { Lease } from './lease.ts'
import type { QueryCallback, Submittable } from './pg-internals.ts'
import { PreludeFactory } from './prelude.ts'
import { StatementNames } from './prepared-statements.ts'
import { refuseControlOnPool, refuseWithoutScope, refuseWithoutSystemPool } from './refusals.ts'
import { isTransactionControl, statementKind } from './statement-kind.ts'
import { textOf } from './statement-text.ts'
import { isSubmittable, rethrowFromHere, TenantClient } from './tenant-client.ts'
import { checkPoolOptions, checkTenancy, systemPoolOptions } from './tenant-pool-options.ts'
import type { TenantPoolOptions } from './tenant-pool-options.ts'
import { TenantQuery } from './tenant-query.ts'
import { TransactionRunner } from './transaction.ts'
import type { TransactionOptions } from './transaction.ts'
import { verifyDatabase } from './verify.ts'
import type { VerifyOptions, VerifyQuery } from './verify.ts'

type ConnectCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: Error | boolean) => void,
) => void

type PoolEvent = (...values: unknown[]) => void

/** Marks the options of the pool that another makes for its system scope. */
const SYSTEM = Symbol('@tenantry/core/pg/system')

/**
 * A `pg.Pool` in which every statement runs for the tenant of the scope it was sent in, in the one round trip it takes
 * anyway. Works wherever a `pg.Pool` does: hand it to an ORM as it is.
 *
 * The scope is taken when `query()` or `connect()` is called, and belongs to that checkout; a client held from one
 * scope refuses statements in another. Without a scope nothing is sent.
 *
 * @example
 * ```ts
 * const pool = new TenantPool({
 *   tenancy,
 *   connectionString: process.env.DATABASE_URL, // a role that is no superuser, owns nothing and has no BYPASSRLS
 *   system: { connectionString: process.env.SYSTEM_DATABASE_URL },
 * })
 * await tenancy.run(tenantId, () => pool.query('select * from projects'))
 * ```
 */
export class TenantPool extends pg.Pool {
  readonly #tenancy: Tenancy
  readonly #preludes: PreludeFactory
  readonly #system: TenantPool | undefined
  /** This is the system pool of another. */
  readonly #isSystem: boolean
  readonly #transactions: TransactionRunner

  /**
   * @throws TenantryError `INVALID_CONFIG` for options that would let a connection act outside of its scope
   * @throws TenantryError `UNSUPPORTED_DRIVER` for pg.native and `pipeline: true`
   */
  constructor(options: TenantPoolOptions) {
    const tenancy = checkTenancy((options as TenantPoolOptions | undefined)?.tenancy)
    const { system, prepare = false, tenancy: _tenancy, ...poolOptions } = options
    checkPoolOptions(options, tenancy.settings)
    const preludes = new PreludeFactory(tenancy.settings, (value) => pg.Client.prototype.escapeLiteral(value))
    const setupScope = noTenantScope({})
    const home: ClientHome = {
      preludes,
      setupLease: { scope: setupScope, prelude: preludes.of(setupScope) },
      statementNames: prepare ? new StatementNames() : undefined,
      isPooled: (client) => (this as unknown as { _clients: readonly object[] })._clients.includes(client),
    }
    super({ ...poolOptions, Client: TenantClient, [HOME]: home } as unknown as pg.PoolConfig)
    this.#tenancy = tenancy
    this.#preludes = preludes
    this.#isSystem = SYSTEM in options
    this.#transactions = new TransactionRunner(this, tenancy)
    // A connection that breaks while idle is replaced; without a listener, Node would end the process for it.
    this.on('error', () => {})
    if (system !== undefined) {
      this.#system = new TenantPool({
        ...systemPoolOptions(options, system),
        [SYSTEM]: true,
      } as TenantPoolOptions)
      this.#system.on('error', (error, client) => this.emit('error', error, client))
    }
  }

  /**
   * The pool itself. Drizzle looks for `client` on what it is given, and opens a plain pool of its own where it finds
   * none.
   */
  get client(): this {
    return this
  }

  /** The tenancy whose scopes this pool serves, as given to it. */
  get tenancy(): Tenancy {
    return this.#tenancy
  }

  /**
   * Checks out a client for the current scope. It refuses statements sent in another scope, and is dead after its
   * release.
   *
   * @throws TenantRequiredError if there is no scope; nothing is sent
   * @throws SystemPoolRequiredError inside `asSystem` without the `system` option
   */
  override connect(): Promise<pg.PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    const done = callback === undefined ? undefined : inCallersContext(callback)
    let scope: Scope
    let pool: TenantPool
    try {
      scope = this.#currentScope()
      pool = this.#poolFor(scope)
    } catch (error) {
      if (done === undefined) return this.#Promise.reject(error)
      process.nextTick(done, error, undefined, () => {})
      return undefined
    }
    if (done !== undefined) {
      pool.#checkOut(scope, done)
      return undefined
    }
    return new this.#Promise<pg.PoolClient>((resolve, reject) => {
      pool.#checkOut(scope, (error, client) => (error ? reject(error) : resolve(client as pg.PoolClient)))
    }).catch(rethrowFromHere)
  }

  /**
   * Runs one statement for the current scope, in one round trip. Takes and returns what `pg.Pool.query` does.
   *
   * @throws TenantRequiredError if there is no scope; nothing is sent
   * @throws TenantryError `TRANSACTION_CONTROL_REFUSED`, `COPY_NEEDS_TRANSACTION`, `COPY_FROM_UNSUPPORTED`
   */
  // The forms and the defaults of @types/pg, so that code typed for a pg.Pool is typed the same here.
  // oxlint-disable typescript/no-explicit-any
  override query<T extends pg.Submittable>(queryStream: T): T
  override query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: pg.QueryArrayConfig<I>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<pg.QueryArrayResult<R>>
  override query<R extends pg.QueryResultRow = any, I = unknown[]>(
    queryTextOrConfig: string | pg.QueryConfig<I>,
    values?: pg.QueryConfigValues<I>,
  ): Promise<pg.QueryResult<R>>
  override query<R extends unknown[] = unknown[], I = unknown[]>(
    queryConfig: pg.QueryArrayConfig<I>,
    callback: (error: Error, result: pg.QueryArrayResult<R>) => void,
  ): void
  override query<R extends pg.QueryResultRow = any, I = unknown[]>(
    queryTextOrConfig: string | pg.QueryConfig<I>,
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  override query<R extends pg.QueryResultRow = any, I = unknown[]>(
    queryText: string,
    values: pg.QueryConfigValues<I>,
    callback: (error: Error, result: pg.QueryResult<R>) => void,
  ): void
  // oxlint-enable typescript/no-explicit-any
  override query(config: unknown, values?: unknown, callback?: unknown): unknown {
    // Its own refusal is right: a function is no query.
    if (typeof config === 'function') return super.query(config as never)
    const given = typeof values === 'function' ? values : callback
    const parameters = typeof values === 'function' ? undefined : values
    if (typeof given === 'function') {
      this.#query(config, parameters, inCallersContext(given as QueryCallback))
      return undefined
    }
    const ownCallback = isSubmittable(config) && config.callback !== undefined
    const answer = new this.#Promise((resolve, reject) => {
      this.#query(config, parameters, (error, result) => (error ? reject(error) : resolve(result)))
    }).catch(rethrowFromHere)
    // Whoever is called back need not look at the promise.
    if (ownCallback) answer.catch(() => {})
    return answer
  }

  /**
   * Runs `fn` in a transaction on one client, in the current scope. Called again inside of `fn`, in the same scope, it
   * opens a savepoint in the same transaction.
   *
   * The first error is the one thrown, whatever goes wrong in cleaning up after it. If `fn` swallows an error that
   * ended the transaction, the commit fails with `TRANSACTION_ABORTED` and that error as its cause.
   *
   * @param fn gets the client; a rejection rolls back
   * @param options isolation level, read only, and how often to try again after a serialization failure or deadlock
   * @returns what `fn` returned, once it is committed
   * @throws TenantRequiredError if there is no scope
   * @example
   * ```ts
   * await pool.transaction(async (client) => {
   *   await client.query('update accounts set balance = balance - $1 where id = $2', [amount, from])
   *   await client.query('update accounts set balance = balance + $1 where id = $2', [amount, to])
   * }, { isolation: 'serializable', retries: 3 })
   * ```
   */
  transaction<T>(fn: (client: pg.PoolClient) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#transactions.run(fn, options)
  }

  /**
   * Asks the server, over the application's own connections, whether row-level security holds for them: the role, the
   * tables, the settings a fresh connection starts with. Call it when the application starts. It does not read what
   * the policies say.
   *
   * @param options the tenant column's name, and tables that are rightly not isolated
   * @throws UnsafeDatabaseError `UNSAFE_DATABASE` with every finding and the SQL that fixes it
   * @example
   * ```ts
   * await pool.verify()
   * ```
   */
  async verify(options: VerifyOptions = {}): Promise<void> {
    const queryOn =
      (pool: TenantPool): VerifyQuery =>
      (text, values) =>
        pool.#rowsWithoutTenant(text, values)
    await verifyDatabase(
      queryOn(this),
      this.#system && queryOn(this.#system),
      this.#tenancy.settings,
      options,
    )
  }

  /** Ends both pools: the tenants' and the system's. */
  override end(): Promise<void>
  override end(callback: () => void): void
  override end(callback?: () => void): Promise<void> | void {
    const ended = Promise.all([super.end(), this.#system?.end()]).then(() => {})
    if (callback === undefined) return ended
    ended.then(callback, callback as (error: Error) => void)
    return undefined
  }

  // Listeners of the pool belong to nobody's request.
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (this.listenerCount(event) === 0) return false
    return outsideOfRequests(this.#tenancy, () => super.emit(event, ...values))
  }

  // pg-pool's own hook. Opened in the context of a request, a connection would call back in that context for life.
  newClient(pendingItem: unknown): void {
    const create = (pg.Pool.prototype as unknown as { newClient: PoolEvent }).newClient
    outsideOfRequests(this.#tenancy, () => create.call(this, pendingItem))
  }

  // pg-pool's option.
  get #Promise(): PromiseConstructor {
    return (this as unknown as { Promise: PromiseConstructor }).Promise
  }

  #currentScope(): Scope {
    const scope = this.#tenancy.current()
    if (scope === undefined) throw refused(refuseWithoutScope(), undefined)
    return scope
  }

  #poolFor(scope: Scope): TenantPool {
    if (scope.kind !== 'system' || this.#isSystem) return this
    if (this.#system === undefined) throw refused(refuseWithoutSystemPool(), scope)
    return this.#system
  }

  #query(config: unknown, values: unknown, callback: QueryCallback): void {
    let pool: TenantPool
    let lease: Lease
    let query: TenantQuery | Submittable
    try {
      if (config === null || config === undefined) {
        throw new TypeError('Client was passed a null or undefined query')
      }
      const scope = this.#currentScope()
      pool = this.#poolFor(scope)
      lease = { scope, prelude: this.#preludes.of(scope) }
      const kind = statementKind(textOf(config))
      const refusal =
        isTransactionControl(kind) || kind === 'mixed' ? refuseControlOnPool() : refusalOf(lease, scope, kind)
      if (refusal !== undefined) throw refused(refusal, scope)
      if (isSubmittable(config)) bindSubmittable(config)
      query = isSubmittable(config) ? config : new TenantQuery(lease, config, values)
    } catch (error) {
      if (isSubmittable(config)) refuseSubmittable(error as Error, config)
      process.nextTick(callback, error)
      return
    }
    pool.#run(lease, query, callback)
  }

  #checkOut(scope: Scope, done: ConnectCallback): void {
    super.connect((error, client, giveBack) => {
      if (error !== undefined && error !== null) {
        done(error, undefined, giveBack)
        return
      }
      const tenantClient = client as unknown as TenantClient
      tenantClient.leased()
      const checkout = new Checkout(this.#tenancy, tenantClient, scope, this.#preludes.of(scope), giveBack)
      done(undefined, checkout.facade as unknown as pg.PoolClient, checkout.release)
    })
  }

  #rowsWithoutTenant<Row>(text: string, values: readonly unknown[] | undefined): Promise<readonly Row[]> {
    const scope = noTenantScope({})
    const lease = { scope, prelude: this.#preludes.of(scope) }
    return new Promise((resolve, reject) => {
      this.#run(lease, new TenantQuery(lease, text, values), (error, result) => {
        // Several statements have several results.
        const last = [result as { rows: Row[] }].flat().at(-1)
        if (error) reject(error)
        else resolve(last?.rows ?? [])
      })
    })
  }

  /** One statement on one connection. An error destroys the connection, as in pg-pool. */
  #run(lease: Lease, query: TenantQuery | Submittable, callback: QueryCallback): void {
    super.connect((connectError, connected, giveBack) => {
      if (connectError !== undefined && connectError !== null) {
        callback(connectError)
        return
      }
      const client = connected as unknown as TenantClient
      client.leased()
      let finished = false
      const finish: QueryCallback = (error, result) => {
        if (finished) return
        finished = true
        giveBack(error ?? (client.isReusable ? undefined : true))
        if (error) callback(error)
        else callback(undefined, result)
      }
      if (query instanceof TenantQuery) {
        client.send(query, finish)
      } else {
        onceFinished(query, finish)
        client.submit(lease, query)
      }
    })
  }
}

/** Tells a caller's own query object, and not only whoever awaits `pool.query`. */
function refuseSubmittable(error: Error, submittable: Submittable): void {
  // As in pg-pool, where it has a callback from then on: it must not end the process for want of an 'error' listener.
  submittable.callback ??= () => {}
  process.nextTick(() => submittable.handleError(error, undefined as never))
}

/** Calls back when a caller's own query object has come to its end, whatever it has for a callback. */
function onceFinished(submittable: Submittable, finish: QueryCallback): void {
  const { handleError, handleReadyForQuery } = submittable
  let result: unknown
  const { callback } = submittable
  submittable.callback = (error, given) => {
    result = given
    callback?.(error, given)
    if (error) finish(error)
  }
  submittable.handleError = (error, connection) => {
    handleError.call(submittable, error, connection)
    finish(error)
  }
  submittable.handleReadyForQuery = (connection) => {
    handleReadyForQuery.call(submittable, connection)
    finish(undefined, result)
  }
}
