import { startPostgres } from '../postgres/start-postgres.ts'
import type { TestDatabase } from '../postgres/test-database.ts'
import type { TestPostgres } from '../postgres/test-postgres.ts'
import { createConformanceDatabase } from './database.ts'
import type { ConformanceFacts } from './facts.ts'
import type { ConformanceGroup } from './group.ts'
import { groups } from './groups/index.ts'
import type { ConformanceHarness } from './harness.ts'
import { Observer } from './observer.ts'
import { proveClaim } from './prove.ts'
import type { ConformanceRunner } from './runner.ts'
import { checkFacts, factsClaim } from './stated-facts.ts'
import { DEFAULT_PATIENCE } from './until.ts'

/** How long one test may take before it counts as hung, in milliseconds. */
const DEFAULT_DEADLINE = 20_000

/** Room for opening a server and for closing what a failed test left behind, in milliseconds. */
const SETUP_TIMEOUT = 120_000

/** What {@link describeTenancyConformance} may be told besides. */
export interface ConformanceOptions {
  /**
   * The server to make a database on, reachable by TCP and without TLS; without it one is started, by
   * `startPostgres()`, and stopped at the end.
   */
  readonly server?: () => TestPostgres | Promise<TestPostgres>
  /** How long one test may take before it counts as hung, in milliseconds; 20,000 by default. */
  readonly deadline?: number
  /** How long what must happen by itself may take, in milliseconds; 5,000 by default. */
  readonly patience?: number
}

/**
 * Describes the suite that every adapter of Tenantry passes in full. Whatever the library under test claims is checked
 * through a superuser's connection of its own and on the wire; see the titles of the tests for the contract.
 *
 * @param harness opens the library under test
 * @param facts what the library cannot do; its tests are reported as skipped, with the reason
 * @param runner the functions of the test runner
 * @throws TenantryError `INVALID_CONFIG` for a fact that is none, or that has no reason
 * @example
 * ```ts
 * import { TenantPool } from '@tenantry/core/pg'
 * import { describeTenancyConformance, poolHarness } from '@tenantry/testing'
 * import Cursor from 'pg-cursor'
 * import { afterAll, beforeAll, describe, test } from 'vitest'
 *
 * const harness = poolHarness({
 *   name: 'TenantPool',
 *   Cursor,
 *   create: ({ tenancy, connectionString, systemConnectionString, max }) =>
 *     new TenantPool({
 *       tenancy,
 *       connectionString,
 *       max,
 *       ...(systemConnectionString && { system: { connectionString: systemConnectionString } }),
 *     }),
 * })
 * describeTenancyConformance(harness, {}, { describe, test, beforeAll, afterAll })
 * ```
 */
export function describeTenancyConformance(
  harness: ConformanceHarness,
  facts: ConformanceFacts,
  runner: ConformanceRunner,
  options: ConformanceOptions = {},
): void {
  checkFacts(facts)
  const stated: ConformanceGroup = { title: 'facts', claims: [factsClaim(facts)] }
  describeGroups([stated, ...groups], harness, facts, runner, options)
}

/** Describes some groups of the suite: for testing the suite itself. */
export function describeGroups(
  selected: readonly ConformanceGroup[],
  harness: ConformanceHarness,
  facts: ConformanceFacts,
  runner: ConformanceRunner,
  { server: given, deadline = DEFAULT_DEADLINE, patience = DEFAULT_PATIENCE }: ConformanceOptions,
): void {
  runner.describe(`${harness.name} keeps tenants apart`, () => {
    let observer: Observer | undefined
    let server: TestPostgres | undefined
    let database: TestDatabase | undefined

    runner.beforeAll(async () => {
      server = await (given ?? startPostgres)()
      database = await createConformanceDatabase(server)
      observer = await Observer.open(database.urls.superuser)
    }, SETUP_TIMEOUT)

    runner.afterAll(async () => {
      await observer?.close()
      await database?.drop()
      if (given === undefined) await server?.stop()
    }, SETUP_TIMEOUT)

    for (const group of selected) {
      runner.describe(group.title, () => {
        for (const claim of group.claims) {
          const prove = async (): Promise<void> => {
            if (database === undefined || observer === undefined)
              throw new Error('the database was not opened')
            await proveClaim(claim, { harness, database, observer, patience }, deadline)
          }
          const reasons = claim.needs.flatMap((capability) => facts[capability] ?? [])
          if (reasons.length > 0) runner.test.skip(`${claim.title} (skipped: ${reasons.join('; ')})`, prove)
          else runner.test(claim.title, prove, deadline + SETUP_TIMEOUT)
        }
      })
    }
  })
}
