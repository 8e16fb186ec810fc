import postgres from 'postgres'
import { refused } from '../events.ts'
import type { Lease } from '../pg/lease.ts'
import { PreludeFactory } from '../pg/prelude.ts'
import { verifyDatabase } from '../pg/verify.ts'
import type { VerifyOptions, VerifyQuery } from '../pg/verify.ts'
import { noTenantScope } from '../scope.ts'
import type { Scope } from '../scope.ts'
import type { Tenancy } from '../tenancy.ts'
import { inCallersContext, outsideOfRequests } from '../pg/caller-context.ts'
import { Connections } from './connections.ts'
import { reservedSql } from './held-sql.ts'
import { Listening } from './listening.ts'
import { escapeLiteral } from './messages.ts'
import { checkTenancy, parseOptions, parseSystemOptions } from './options.ts'
import type { TenantPostgresOptions } from './options.ts'
import type { ParsedOptions } from './pending-query.ts'
import { refuseLargeObjects, refuseSubscription, refuseWithoutSystem } from './refusals.ts'
import { scopedSql, scopeOf } from './scoped-sql.ts'
import type { SqlFunction } from './scoped-sql.ts'
import { inTransaction } from './transaction.ts'
import type { TransactionFunction } from './transaction.ts'

type EndOptions = { timeout?: number | null | undefined }
type Subscribe = postgres.Sql['subscribe']

/** One client: connections of the application's role, perhaps others of the system's, and one that listens. */
class TenantClient {
  readonly #tenancy: Tenancy
  readonly #preludes: PreludeFactory
  readonly #parsed: ParsedOptions
  readonly #systemParsed: ParsedOptions | undefined
  readonly #application: Connections
  readonly #system: Connections | undefined
  #listening: Listening | undefined
  #subscriber: postgres.Sql | undefined

  constructor(options: TenantPostgresOptions<never>) {
    this.#tenancy = checkTenancy(options.tenancy)
    const { settings } = this.#tenancy
    this.#preludes = new PreludeFactory(settings, escapeLiteral)
    this.#parsed = parseOptions(options, settings)
    this.#application = new Connections(this.#tenancy, this.#parsed, this.#preludes)
    if (options.system === undefined) return
    this.#systemParsed = parseSystemOptions(options, this.#parsed, settings)
    this.#system = new Connections(this.#tenancy, this.#systemParsed, this.#preludes)
  }

  /** Everything that a client of postgres.js has, and `verify`. */
  sql(): SqlFunction {
    const application = this.#application
    const sql = scopedSql(application, {
      tenancy: this.#tenancy,
      submit: (query, made, current) => {
        const scope = scopeOf(made, current)
        void this.#connectionsFor(scope).run(query, this.#lease(scope))
      },
    })
    // Whatever postgres.js has besides: `options`, `parameters`, `PostgresError`, `CLOSE` and `END`.
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(application.raw))) {
      if (!Object.hasOwn(sql, name)) Object.defineProperty(sql, name, descriptor)
    }
    Object.defineProperty(sql, 'tenancy', { value: this.#tenancy, enumerable: true })
    return Object.assign(sql, {
      begin: (...given: [options: unknown, fn?: TransactionFunction]) => this.#begin(given),
      reserve: () => this.#reserve(),
      listen: (...given: Parameters<Listening['listen']>) => this.#listen(given),
      subscribe: (...given: Parameters<Subscribe>) => this.#subscribe(given),
      largeObject: () => Promise.reject(refused(refuseLargeObjects(), this.#tenancy.current())),
      end: (options?: EndOptions) => this.#end(options),
      close: () => this.#close(),
      verify: (options?: VerifyOptions) => this.#verify(options),
    })
  }

  #lease(scope: Scope): Lease {
    return { scope, prelude: this.#preludes.of(scope) }
  }

  #connectionsFor(scope: Scope): Connections {
    if (scope.kind !== 'system') return this.#application
    if (this.#system === undefined) throw refused(refuseWithoutSystem(), scope)
    return this.#system
  }

  async #begin([first, second]: [options: unknown, fn?: TransactionFunction]): Promise<unknown> {
    const scope = scopeOf(undefined, this.#tenancy.current())
    const [options, fn] = second === undefined ? ['', first as TransactionFunction] : [String(first), second]
    const connections = this.#connectionsFor(scope)
    return await inTransaction(this.#tenancy, connections, this.#lease(scope), options, fn)
  }

  async #reserve(): Promise<SqlFunction> {
    const scope = scopeOf(undefined, this.#tenancy.current())
    const connections = this.#connectionsFor(scope)
    return reservedSql(this.#tenancy, connections, await connections.hold(this.#lease(scope)))
  }

  #listen(given: Parameters<Listening['listen']>): postgres.ListenRequest {
    this.#listening ??= new Listening(this.#tenancy, this.#parsed, this.#preludes)
    return this.#listening.listen(...given)
  }

  async #subscribe([event, callback, ...listeners]: Parameters<Subscribe>): ReturnType<Subscribe> {
    const scope = this.#tenancy.current()
    if (scope?.kind !== 'system' || this.#systemParsed === undefined) {
      throw refused(refuseSubscription(scope), scope)
    }
    const parsed = this.#systemParsed as unknown as postgres.Options<Record<string, never>>
    const subscriber = (this.#subscriber ??= outsideOfRequests(this.#tenancy, () => postgres({ ...parsed })))
    const [subscribed, failed] = listeners.map((listener) => listener && inCallersContext(listener))
    return await subscriber.subscribe(event, inCallersContext(callback), subscribed, failed)
  }

  async #end(options: EndOptions = {}): Promise<void> {
    await Promise.all([
      this.#application.end(options),
      this.#system?.end(options),
      this.#listening?.end({ timeout: 0 }),
      this.#subscriber?.end({ timeout: 0 }),
    ])
  }

  async #close(): Promise<void> {
    await Promise.all([this.#application.close(), this.#system?.close()])
  }

  async #verify(options: VerifyOptions = {}): Promise<void> {
    // Fresh connections, and rows as they are: the application's may be set up and transformed in any way.
    const opened: Connections[] = []
    const queryOn = (parsed: ParsedOptions): VerifyQuery => {
      const transform = { column: {}, value: {}, row: {} }
      const connections = new Connections(this.#tenancy, { ...parsed, transform, max: 1 }, this.#preludes)
      opened.push(connections)
      return (text, values = []) => this.#rows(connections, text, values)
    }
    try {
      await verifyDatabase(
        queryOn(this.#parsed),
        this.#systemParsed && queryOn(this.#systemParsed),
        this.#tenancy.settings,
        options,
      )
    } finally {
      await Promise.all(opened.map((connections) => connections.end()))
    }
  }

  /** The rows of a text's last statement, without a tenant. */
  async #rows<Row>(connections: Connections, text: string, values: readonly unknown[]): Promise<Row[]> {
    const query = connections.unsafe(text, [...values], {})
    query.handler = () => void connections.run(query, this.#lease(noTenantScope({})))
    const result = (await query) as Row[] | Row[][]
    return (Array.isArray(result[0]) ? result.at(-1) : result) as Row[]
  }
}

/** A client of postgres.js for which every query is scoped by the database. */
export type TenantSql<TTypes extends Record<string, unknown> = Record<never, unknown>> =
  postgres.Sql<TTypes> & {
    /** The tenancy whose scopes this client serves, as given to it. */
    readonly tenancy: Tenancy

    /**
     * Asks the server, over connections of its own, whether row-level security holds for the application's: the role,
     * the tables, the settings a fresh connection starts with. Call it when the application starts. It does not read
     * what the policies say.
     *
     * @param options the tenant column's name, and tables that are rightly not isolated
     * @throws UnsafeDatabaseError `UNSAFE_DATABASE` with every finding and the SQL that fixes it
     * @example
     * ```ts
     * await sql.verify()
     * ```
     */
    verify(options?: VerifyOptions): Promise<void>
  }

/** What the types given as options are to the values of queries, as `postgres()` infers it. */
type ValuesOf<T extends Record<string, postgres.PostgresType>> =
  Record<string, postgres.PostgresType> extends T
    ? Record<never, unknown>
    : { [Name in keyof T]: T[Name] extends postgres.PostgresType<infer Value> ? Value : never }

/**
 * `postgres()` of postgres.js, scoped: takes what it takes and returns what it returns, and every query runs for the
 * scope in which it was made, in one round trip.
 *
 * - A query made in no scope runs for that in which it is awaited; in none at all it is refused (`TENANT_REQUIRED`), and
 *   nothing is sent. Made in one scope and awaited in another it is refused (`TENANT_MISMATCH`).
 * - `sql.begin` and `sql.reserve` hold a connection for one scope. Their handles refuse queries of others, and are dead
 *   afterwards.
 * - A connection works on one query at a time: `max_pipeline` has no effect. Under load, give a larger `max`.
 * - `sql.listen` has a connection of its own, and needs no scope: channels know no tenants. `sql.subscribe` delivers
 *   every tenant's rows and is for `tenancy.asSystem` only. `sql.largeObject` is refused.
 *
 * @throws TenantryError `INVALID_CONFIG`, `UNSUPPORTED_DRIVER`
 * @example
 * ```ts
 * const sql = tenantPostgres('postgres://app@localhost/crm', { tenancy, system: { url: systemUrl } })
 *
 * const projects = await tenancy.run(tenantId, () => sql`select * from projects`)
 * ```
 */
export function tenantPostgres<
  T extends Record<string, postgres.PostgresType> = Record<never, postgres.PostgresType>,
>(url: string, options: TenantPostgresOptions<T>): TenantSql<ValuesOf<T>>
export function tenantPostgres<
  T extends Record<string, postgres.PostgresType> = Record<never, postgres.PostgresType>,
>(options: TenantPostgresOptions<T>): TenantSql<ValuesOf<T>>
export function tenantPostgres(...given: [url: string, options: object] | [options: object]): TenantSql {
  const options = given.length === 1 ? given[0] : { ...given[1], url: given[0] }
  const client = new TenantClient((options ?? {}) as TenantPostgresOptions<never>)
  return client.sql() as unknown as TenantSql
}
