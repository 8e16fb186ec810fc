import assert from 'node:assert/strict'
import { errorCode } from './error-code.ts'
import type { ConformanceHarness } from './harness.ts'
import type { Observer } from './observer.ts'
import { Probe } from './probe.ts'
import type { ConformanceTenancy } from './tenancies.ts'
import { uuidTenancy } from './tenancies.ts'
import { plantTenants } from './tenants.ts'
import type { PlantedTenant } from './tenants.ts'
import { withinDeadline } from './until.ts'

/** The database that a run of the suite works on. */
export interface ConformanceDatabase {
  /** Connection strings, by role. */
  readonly urls: { readonly superuser: string; readonly app: string; readonly system: string }
}

/** What all benches of a run share. */
export interface BenchOptions {
  readonly harness: ConformanceHarness
  readonly database: ConformanceDatabase
  readonly observer: Observer
  /** How long what must happen by itself may take, in milliseconds. */
  readonly patience: number
}

/** How {@link Bench.open} makes a subject. */
export interface BenchOpenOptions {
  /** Connections of the pool; 2 by default. */
  readonly max?: number
  /** Whether there is a system pool; there is by default. */
  readonly system?: boolean
  readonly tenancy?: ConformanceTenancy
}

/** What one test works with: subjects, tenants and the observer. */
export class Bench {
  readonly tenancy = uuidTenancy
  readonly observer: Observer
  readonly urls: ConformanceDatabase['urls']
  readonly patience: number
  readonly #options: BenchOptions
  readonly #probes: Probe[] = []
  #abandoned = false

  constructor(options: BenchOptions) {
    this.#options = options
    this.observer = options.observer
    this.urls = options.database.urls
    this.patience = options.patience
  }

  /** A new subject, closed at the end of the test. */
  async open({ max = 2, system = true, tenancy = uuidTenancy }: BenchOpenOptions = {}): Promise<Probe> {
    // A test that hung may go on after it was given up.
    if (this.#abandoned) throw new Error('the test was given up')
    const { harness, observer, patience } = this.#options
    const { app, system: systemUrl } = this.urls
    const probe = await Probe.open(harness, {
      max,
      tenancy,
      appUrl: app,
      systemUrl: system ? systemUrl : undefined,
      observer,
      patience,
    })
    this.#probes.push(probe)
    return probe
  }

  /**
   * New tenants with projects of their own.
   *
   * @param projects how many each
   */
  tenants(count: 1, projects?: number): Promise<[PlantedTenant]>
  tenants(count: 2, projects?: number): Promise<[PlantedTenant, PlantedTenant]>
  tenants(count: 3, projects?: number): Promise<[PlantedTenant, PlantedTenant, PlantedTenant]>
  tenants(count: number, projects?: number): Promise<PlantedTenant[]>
  tenants(count: number, projects = 3): Promise<PlantedTenant[]> {
    return plantTenants(this.observer, count, projects)
  }

  /** The code of an error as the library's users get it. */
  codeOf(error: unknown): string | undefined {
    return this.#options.harness.errorCode?.(error) ?? errorCode(error)
  }

  /**
   * Asserts that work is refused with a SQLSTATE or a Tenantry code.
   *
   * @param codes any of these
   */
  async refuses(codes: string | readonly string[], work: () => unknown): Promise<void> {
    const accepted = [codes].flat()
    let result: unknown
    try {
      result = await work()
    } catch (error) {
      if (accepted.includes(this.codeOf(error) ?? '')) return
      throw new Error(`expected a refusal with ${accepted.join(' or ')}, got: ${String(error)}`, {
        cause: error,
      })
    }
    assert.fail(`expected a refusal with ${accepted.join(' or ')}, got a result: ${JSON.stringify(result)}`)
  }

  /**
   * Sees to it that every subject is at rest (nothing open, nothing running, no connection lost), and closes it.
   */
  async close(): Promise<void> {
    for (const probe of this.#probes) {
      try {
        await probe.assertAtRest()
        await withinDeadline(probe.close(), this.patience, async () => 'The subject does not close.')
      } finally {
        await probe.cut()
      }
    }
  }

  /** Gives up every subject, in whatever state a failed test left it. */
  async abandon(): Promise<void> {
    this.#abandoned = true
    for (const probe of this.#probes) {
      // It may never finish, for instance where a connection was lost.
      probe.close().catch(() => undefined)
      await probe.cut()
      // A backend at work does not notice that its client is gone.
      await this.observer.terminate([...(await probe.backends()), ...(await probe.systemBackends())])
    }
  }
}
