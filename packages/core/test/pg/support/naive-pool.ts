import pg from 'pg'
import { BaseClient, BaseQuery } from '../../../src/pg/pg-internals.ts'
import type { Submittable, TransactionStatus } from '../../../src/pg/pg-internals.ts'
import { endAfterTest } from './open-pool.ts'
import { tenancy } from './tenants.ts'

/** What a naive pool may be told to do differently. */
export interface NaiveOptions extends pg.PoolConfig {
  /** Sends texts without values as pg would by itself, as simple queries, behind the extended prelude. */
  readonly simpleTexts?: boolean
  /** Sends the prelude only once in a transaction, going by the server's status. */
  readonly oncePerTransaction?: boolean
}

type Handler = (...values: unknown[]) => unknown

/** A client that acts for the tenant it was last given. */
class NaiveClient extends BaseClient {
  tenant: string | undefined
  readonly #options: NaiveOptions
  #status: TransactionStatus = 'I'
  #applied = false

  constructor(options: NaiveOptions) {
    super(options)
    this.#options = options
    this.connection.on('readyForQuery', ({ status }: { status: TransactionStatus }) => {
      this.#status = status
      if (status !== 'T') this.#applied = false
    })
  }

  override query(config: unknown, values?: unknown, callback?: unknown): never {
    if (this.tenant === undefined) return Promise.reject(new Error('no tenant')) as never
    if (typeof (config as Partial<Submittable>).submit === 'function') {
      this.#prepend(config as Submittable)
      return super.query(config as never, values as never) as never
    }
    const query = new BaseQuery(config, values, callback)
    this.#prepend(query)
    if (query.callback) return super.query(query as never)
    return new Promise((resolve, reject) => {
      query.callback = (error, result) => (error ? reject(error) : resolve(result))
      super.query(query as never)
    }) as never
  }

  #prepend(query: Submittable): void {
    const members = query as unknown as Record<string, Handler | undefined>
    const { submit } = query
    let due = false
    query.submit = (connection) => {
      if (this.#options.oncePerTransaction !== true || !this.#applied) {
        due = true
        connection.parse({ text: `select set_config('app.current_tenant_id', $1, true)` })
        connection.bind({ values: [this.tenant] })
        connection.execute({})
        if (this.#options.simpleTexts !== true) query.requiresPreparation = () => true
      }
      return submit.call(query, connection)
    }
    for (const name of ['handleDataRow', 'handleCommandComplete']) {
      const handler = members[name]
      members[name] = (...values) => {
        if (!due) return handler?.apply(query, values)
        if (name === 'handleCommandComplete') {
          due = false
          this.#applied = this.#status === 'T'
        }
        return undefined
      }
    }
  }
}

type ConnectCallback = (error: Error | undefined, client?: pg.PoolClient, done?: () => void) => void

/**
 * The obvious way to put a tenant on a pool's connections, attacked by the tests before TenantPool is: a client is told
 * its tenant when it is checked out, and whatever it submits from then on gets a prelude whose replies are dropped. It
 * leaks and loses in most of the ways there are.
 */
export class NaivePool extends pg.Pool {
  constructor(options: NaiveOptions) {
    super({ ...options, Client: NaiveClient } as unknown as pg.PoolConfig)
  }

  override connect(): Promise<pg.PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    const scope = tenancy.current()
    const tell = (client: pg.PoolClient | undefined): void => {
      if (client !== undefined && scope !== undefined) {
        ;(client as unknown as NaiveClient).tenant = scope.kind === 'tenant' ? scope.tenantId : ''
      }
    }
    if (callback !== undefined) {
      super.connect((error, client, done) => {
        tell(client)
        callback(error, client, done)
      })
      return undefined
    }
    return super.connect().then((client) => {
      tell(client)
      return client
    })
  }
}

/** A naive pool for one test. */
export function openNaivePool(options: NaiveOptions): NaivePool {
  const pool = endAfterTest(new NaivePool(options))
  pool.on('error', () => {})
  return pool
}
