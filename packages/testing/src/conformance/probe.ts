import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { rendezvous } from './rendezvous.ts'
import type { Capability } from './facts.ts'
import type {
  ConformanceHarness,
  ConformanceSubject,
  HeldClient,
  PoolCounts,
  ProjectOperations,
  Row,
  SubjectTransaction,
  TransactionOptions,
} from './harness.ts'
import type { Backend, Observer } from './observer.ts'
import { rawOperations } from './raw-operations.ts'
import type { ConformanceTenancy } from './tenancies.ts'
import { assertOwnProjects, LIST_PROJECTS, plantTenants } from './tenants.ts'
import { until } from './until.ts'
import { WireTap } from './wire-tap.ts'

let opened = 0

interface ProbeOptions {
  readonly max: number
  readonly tenancy: ConformanceTenancy
  readonly appUrl: string
  readonly systemUrl: string | undefined
  readonly observer: Observer
  readonly patience: number
}

/** A transaction of a {@link Probe}. */
export interface ProbeTransaction {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  transaction<Result>(work: (transaction: ProbeTransaction) => Promise<Result>): Promise<Result>
}

/** A subject with everything needed to watch it from outside. */
export class Probe {
  /** The wire of the application's pool. */
  readonly wire: WireTap
  /** The wire of the system pool. */
  readonly systemWire: WireTap
  /** The number of connections that the pool may have. */
  readonly max: number
  readonly operations: ProjectOperations
  readonly #subject: ConformanceSubject
  readonly #application: string
  readonly #options: ProbeOptions

  private constructor(
    subject: ConformanceSubject,
    wires: readonly [WireTap, WireTap],
    application: string,
    options: ProbeOptions,
  ) {
    this.#subject = subject
    this.#application = application
    this.#options = options
    this.max = options.max
    this.operations = subject.operations ?? rawOperations(subject)
    ;[this.wire, this.systemWire] = wires
  }

  static async open(harness: ConformanceHarness, options: ProbeOptions): Promise<Probe> {
    const { appUrl, systemUrl } = options
    const wires = [await WireTap.open(appUrl), await WireTap.open(systemUrl ?? appUrl)] as const
    opened += 1
    const application = `conformance-${process.pid}-${opened}`
    try {
      const subject = await harness.open({
        tenancy: options.tenancy,
        max: options.max,
        connectionString: named(wires[0].route(appUrl), application),
        systemConnectionString:
          systemUrl === undefined ? undefined : named(wires[1].route(systemUrl), `${application}-system`),
      })
      return new Probe(subject, wires, application, options)
    } catch (error) {
      await Promise.all(wires.map((wire) => wire.close()))
      throw error
    }
  }

  query(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.#subject.query(text, values)
  }

  /** Every project that is to be seen, by a raw statement. */
  list(): Promise<Row[]> {
    return this.#subject.query(LIST_PROJECTS)
  }

  transaction<Result>(
    work: (transaction: ProbeTransaction) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    return this.#subject.transaction((transaction) => work(withSavepoints(transaction)), options)
  }

  callbackQuery(
    text: string,
    values: readonly unknown[],
    callback: (error: unknown, rows: Row[] | undefined) => void,
  ): void {
    this.#required('callbackQuery', 'callbacks').call(this.#subject, text, values, callback)
  }

  /** The outcome of a callback query as a promise. */
  promisedCallbackQuery(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.callbackQuery(text, values, (error, rows) => (error ? reject(error) : resolve(rows ?? [])))
    })
  }

  stream(text: string, values: readonly unknown[] = [], batchSize = 2): AsyncIterable<Row> {
    return this.#required('stream', 'streams').call(this.#subject, text, values, batchSize)
  }

  prepared(name: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#required('prepared', 'prepared').call(this.#subject, name, text, values)
  }

  checkout(): Promise<HeldClient> {
    return this.#required('checkout', 'checkout').call(this.#subject)
  }

  counts(): PoolCounts {
    return this.#required('counts', 'counts').call(this.#subject)
  }

  /** What the subject offers of its capabilities. */
  offers(capability: Capability): boolean {
    const method = METHODS[capability]
    return method !== undefined && this.#subject[method] !== undefined
  }

  /** The pool's backends, as the server knows them. */
  backends(): Promise<Backend[]> {
    return this.#options.observer.backends(this.#application)
  }

  /** The system pool's backends. */
  systemBackends(): Promise<Backend[]> {
    return this.#options.observer.backends(`${this.#application}-system`)
  }

  /** Waits until `count` backends of the pool meet a condition. */
  async untilBackends(
    count: number,
    description: string,
    condition: (backend: Backend) => boolean,
  ): Promise<Backend[]> {
    let found: Backend[] = []
    await until(async () => {
      found = (await this.backends()).filter(condition)
      return found.length === count
        ? undefined
        : `${found.length} instead of ${count} backends ${description}: ${JSON.stringify(await this.backends())}`
    }, this.#options.patience)
    return found
  }

  /** Waits until somebody waits for a connection, which a library may ask for some turns after it was called. */
  async untilWaiting(): Promise<void> {
    const deadline = performance.now() + this.#options.patience
    while (this.counts().waiting === 0) {
      assert.ok(performance.now() < deadline, 'nobody waits for a connection')
      await setImmediate()
    }
  }

  /** Asserts that `work` makes the subject send not one message, on neither pool. */
  async sendsNothing(work: () => Promise<unknown>): Promise<void> {
    const before = this.wire.sent + this.systemWire.sent
    await work()
    // Whatever was written in the meantime has reached the tap once a round trip of our own is over.
    await this.#options.observer.value('select 1')
    const sent = this.wire.sent + this.systemWire.sent - before
    assert.equal(sent, 0, `the subject sent ${sent} messages where it should send none`)
  }

  /** Asserts that nothing runs, nothing is left open, and every connection is back. */
  async assertAtRest(): Promise<void> {
    await until(async () => {
      const backends = await this.backends()
      const busy = [...backends, ...(await this.systemBackends())].filter(({ state }) => state !== 'idle')
      if (busy.length > 0) return `backends are not idle: ${JSON.stringify(busy)}`
      if (backends.length > this.max) return `the pool of ${this.max} has ${backends.length} backends`
      const counts = this.#subject.counts?.()
      if (counts !== undefined && (counts.waiting > 0 || counts.idle !== counts.total)) {
        return `connections were not given back: ${JSON.stringify(counts)}`
      }
      return undefined
    }, this.#options.patience)
  }

  /**
   * Asserts that the pool is whole, by using all of it at once: as many transactions as it has connections, of
   * different tenants, all open at the same time, each on its own connection and seeing exactly its own rows.
   */
  async assertWhole(): Promise<void> {
    const { observer, tenancy } = this.#options
    const tenants = await plantTenants(observer, this.max, 2)
    const allBegun = rendezvous(tenants.length)
    const backends = await Promise.all(
      tenants.map((tenant) =>
        tenancy.run(tenant.id, () =>
          this.transaction(async (transaction) => {
            const [row] = await transaction.query('select pg_backend_pid() as pid')
            await allBegun()
            assertOwnProjects(await transaction.query(LIST_PROJECTS), tenant)
            return row?.['pid']
          }),
        ),
      ),
    )
    assert.equal(new Set(backends).size, this.max, 'two transactions shared a connection')
    for (const tenant of tenants) {
      assertOwnProjects(await tenancy.run(tenant.id, () => this.list()), tenant)
    }
    assert.deepEqual(await tenancy.withoutTenant(() => this.list()), [], 'rows are visible without a tenant')
    await this.assertAtRest()
  }

  /** Closes the subject. */
  async close(): Promise<void> {
    await this.#subject.close()
  }

  /** Cuts whatever connection is left. */
  async cut(): Promise<void> {
    await Promise.all([this.wire.close(), this.systemWire.close()])
  }

  #required<Name extends keyof ConformanceSubject>(
    name: Name,
    capability: Capability,
  ): NonNullable<ConformanceSubject[Name]> {
    const method = this.#subject[name]
    if (method === undefined || method === null) throw missing(name, capability)
    return method
  }
}

const METHODS: { readonly [Name in Capability]?: keyof ConformanceSubject } = {
  callbacks: 'callbackQuery',
  streams: 'stream',
  prepared: 'prepared',
  checkout: 'checkout',
  counts: 'counts',
}

function missing(name: string, capability: Capability): Error {
  return new Error(
    `The harness offers no ${name} and states no reason: implement it, or pass the fact ` +
      `{ ${capability}: 'why the library cannot' }.`,
  )
}

function withSavepoints(transaction: SubjectTransaction): ProbeTransaction {
  return {
    query: (text, values) => transaction.query(text, values),
    async transaction(work) {
      if (transaction.transaction === undefined)
        throw missing('transaction inside a transaction', 'savepoints')
      return await transaction.transaction((inner) => work(withSavepoints(inner)))
    },
  }
}

function named(connectionString: string, application: string): string {
  const url = new URL(connectionString)
  url.searchParams.set('application_name', application)
  return url.href
}
