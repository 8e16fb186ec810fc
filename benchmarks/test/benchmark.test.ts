import type { TestDatabase } from '@tenantry/testing'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { runBenchmark } from '../src/benchmark.ts'
import { createDataset, randomTask, tenantId } from '../src/dataset.ts'
import type { Effort } from '../src/effort.ts'
import { applications } from '../src/http/applications.ts'
import { renderPlans } from '../src/report-policies.ts'
import { renderAsMarkdown, renderForTerminal } from '../src/report.ts'
import type { Results } from '../src/results.ts'
import { measurements } from '../src/results.ts'
import { libraries } from '../src/ways/libraries.ts'
import { nodePostgresWays } from '../src/ways/node-postgres.ts'

const tinyEffort: Effort = {
  rows: 2_000,
  tenants: 20,
  tenantCounts: [2, 20, 200],
  latency: { rounds: 2, millisecondsPerRound: 10 },
  libraries: { rounds: 2, millisecondsPerRound: 10 },
  throughput: { rounds: 2, millisecondsPerRound: 20 },
  http: { rounds: 2, millisecondsPerRound: 20 },
  connections: { connections: 2, statements: 5 },
  heapQueries: 200,
  tenantLatency: { rounds: 2, millisecondsPerRound: 10 },
  policies: { rounds: 2, millisecondsPerRound: 2 },
}

const everyApplication = applications.map((application) => application.title)
const everyWayOfLibraries = libraries.flatMap((library) => library.ways)
/** Ways, and applications, which are asked over HTTP. */
const everythingThatAsks = [...nodePostgresWays, ...everyWayOfLibraries, ...applications]
const everyWay = nodePostgresWays.map((way) => way.title)
const everyGeneralWay = nodePostgresWays.filter((way) => !way.latencyOnly).map((way) => way.title)
const baselineAndTenantry = nodePostgresWays
  .filter(({ name }) => name === 'baseline' || name.startsWith('tenantry'))
  .map((way) => way.title)

describe('a tiny run of the benchmark', () => {
  let database: TestDatabase
  let results: Results

  beforeAll(async () => {
    database = await connectToPostgres(inject('postgresUrl')).createDatabase()
    results = await runBenchmark({
      connectionStrings: database.urls,
      ways: nodePostgresWays,
      libraries,
      effort: tinyEffort,
      only: measurements,
      roundTrip: 1,
      onProgress: () => {},
    })
    // Hundreds of short measurements, which a busy machine makes long.
  }, 180_000)

  afterAll(() => database?.drop())

  it('finds one round trip for Tenantry and four for what others do', () => {
    const roundTrips = Object.fromEntries(results.roundTrips!.map((row) => [row.way, row.roundTrips]))
    expect(Object.keys(roundTrips)).toEqual(everyGeneralWay)
    expect(roundTrips).toMatchObject({
      'pg, hand-written WHERE tenant_id = $1': 1,
      Tenantry: 1,
      'Tenantry, prepare: true': 1,
      'BEGIN, set_config, query, COMMIT': 4,
      'the same four, pg pipeline: true': 1,
    })
  })

  it('has a row for every way at every distance', () => {
    for (const network of ['loopback', '1 ms']) {
      const ofNetwork = (rows: readonly { network: string; way: string }[]) =>
        rows.filter((row) => row.network === network).map((row) => row.way)
      expect(ofNetwork(results.latency!)).toEqual(everyWay)
      expect(ofNetwork(results.throughput!)).toEqual(everyGeneralWay)
    }
    expect(results.connections!.map((row) => row.way)).toHaveLength(4)
    expect(results.heap!.map((row) => row.way)).toEqual(baselineAndTenantry.slice(1))
    expect(results.policies!.filter((row) => row.generated)).toHaveLength(1)
    for (const tenants of tinyEffort.tenantCounts)
      expect(results.tenants!.filter((row) => row.tenants === tenants).map((row) => row.way)).toEqual(
        baselineAndTenantry,
      )
  })

  it('finds one round trip in every library, with Tenantry and without, at every distance', () => {
    const ofNetwork = (network: string) => results.libraries!.filter((row) => row.network === network)
    for (const network of ['loopback', '1 ms'])
      expect(ofNetwork(network).map((row) => row.way)).toEqual(everyWayOfLibraries.map((way) => way.title))
    expect(ofNetwork('2 ms').map((row) => row.way)).toEqual([
      'postgres.js, hand-written',
      'postgres.js, Tenantry',
    ])
    for (const row of results.libraries!) expect(row.roundTrips, row.way).toBe(1)
  })

  it('has a row for every application, at every distance and number of clients', () => {
    for (const network of ['loopback', '1 ms'])
      for (const clients of [1, 10])
        expect(
          results
            .http!.filter((row) => row.network === network && row.clients === clients)
            .map((row) => row.application),
        ).toEqual(everyApplication)
  })

  it('finds that Tenantry makes no instances for a request, and request-scoped providers one of each', () => {
    for (const { application, instances } of results.http!)
      // The provider of the tenant, the service and the controller.
      expect(instances, application).toBe(application.endsWith('request-scoped providers') ? 3 : 0)
  })

  it('compares each library with itself', () => {
    for (const library of libraries) {
      const [baseline, ...scoped] = results.libraries!.filter(
        (row) => row.library === library.title && row.network === 'loopback',
      )
      expect(baseline).toMatchObject({ way: library.ways[0]!.title, ratio: 1, reach: null })
      for (const row of scoped) expect(row.ratio, row.way).not.toBe(1)
    }
  })

  it('has only sane numbers', () => {
    for (const row of [...results.latency!, ...results.libraries!]) {
      expect(row.median).toBeGreaterThan(0)
      expect(row.p95).toBeGreaterThanOrEqual(row.median)
    }
    for (const row of results.http!) {
      expect(row.p50).toBeGreaterThan(0)
      expect(row.p99).toBeGreaterThanOrEqual(row.p50)
      expect(row.requestsPerSecond).toBeGreaterThan(0)
      expect(row.applicationCpu).toBeGreaterThan(0)
      expect(row.ratio).toBeGreaterThan(0)
    }
    for (const row of results.connections!) expect(row.serverBytes ?? 1).toBeGreaterThan(0)
    for (const { median, minimum, ratio } of results.policies!.flatMap((row) => Object.values(row.costs))) {
      expect(minimum).toBeGreaterThan(0)
      expect(median).toBeGreaterThanOrEqual(minimum)
      expect(ratio).toBeGreaterThan(0)
    }
    for (const row of results.heap!) expect(row.samples.every((sample) => sample > 0)).toBe(true)
    for (const row of [
      ...results.latency!,
      ...results.libraries!,
      ...results.throughput!,
      ...results.tenants!,
    ])
      expect(row.ratio).toBeGreaterThan(0)
    for (const row of [...results.latency!, ...results.throughput!].filter(({ way }) => way === everyWay[0]))
      expect(row.ratio).toBe(1)
    for (const row of results.http!.filter(({ application }) => application === everyApplication[0]))
      expect(row.ratio).toBe(1)
    expect(JSON.parse(JSON.stringify(results))).toEqual(results)
  })

  it('says what machine it ran on and nothing that identifies it', () => {
    expect(results.machine.node).toBe(process.versions.node)
    expect(results.machine.pg).toMatch(/^8\./)
    expect(Object.keys(results.machine.libraries)).toEqual([
      'kysely',
      'drizzle-orm',
      'typeorm',
      'postgres',
      '@nestjs/core',
      'autocannon',
    ])
    expect(Object.keys(results.machine).toSorted()).toEqual(
      ['cores', 'libraries', 'memoryGigabytes', 'node', 'pg', 'platform', 'postgres', 'processor'].toSorted(),
    )
  })

  it('prints every table, for a terminal and as Markdown', () => {
    const titles = [
      'Round trips of',
      'one connection, loopback',
      'one connection, 1 ms',
      'pool of 10, loopback',
    ]
    titles.push('pool of 10, 1 ms', 'Memory of an idle', 'Heap over', 'by number of tenants')
    titles.push('Libraries: latency, one connection, loopback', 'Libraries: Tenantry against the same')
    titles.push('a Nest application, 1 client, database: loopback', '10 clients, database: 1 ms')
    titles.push('Policies: a sum', 'one row by key, prepared', 'planned anew')
    for (const text of [renderForTerminal(results), renderAsMarkdown(results)]) {
      for (const title of titles) expect(text).toContain(title)
      expect(text).not.toMatch(/NaN|undefined|Infinity/)
    }
  })

  it('prints how PostgreSQL runs each statement under each kind of policy', () => {
    const plans = renderPlans(results)
    for (const { way } of results.policies!) expect(plans).toContain(`${way}: scan\n`)
    expect(plans).toMatch(/generated policies: key\n +.*\n(?: .*\n)*? +InitPlan 1/)
  })

  it('gets the same rows in every way', async () => {
    const dataset = createDataset(tinyEffort.rows, tinyEffort.tenants)
    const settings = { connectionStrings: database.urls, dataset, connections: 2 }
    const tasks = Array.from({ length: 12 }, () => randomTask(dataset))
    const superuser = new pg.Client({ connectionString: database.urls.superuser })
    await superuser.connect()
    const expected = []
    for (const task of tasks) {
      const text = `select id, title, done from ${dataset.table} where tenant_id = $1 and project_id = $2 order by id`
      expected.push((await superuser.query(text, [task.tenantId, task.projectId])).rows)
    }
    await superuser.end()
    expect(expected.every((rows) => rows.length === 10)).toBe(true)

    for (const way of everythingThatAsks) {
      const session = await way.open(settings)
      try {
        for (const [index, task] of tasks.entries()) {
          await session.beforeQuery?.(task)
          const rows = await session.query(task)
          // Drizzle reads a bigint as a number.
          const withTextIds = rows.map((row) => ({ ...row, id: String(row.id) }))
          expect(withTextIds, way.title).toEqual(expected[index])
        }
      } finally {
        await session.close()
      }
    }
  })

  it('finds nothing in another tenant’s project, so that the ways that leave the tenant out are scoped', async () => {
    const dataset = createDataset(tinyEffort.rows, tinyEffort.tenants)
    const task = { tenantId: tenantId(1), projectId: 0 } // project 0 belongs to tenant 0
    for (const way of everythingThatAsks) {
      const session = await way.open({ connectionStrings: database.urls, dataset, connections: 1 })
      try {
        await session.beforeQuery?.(task)
        expect([...(await session.query(task))], way.title).toEqual([])
      } finally {
        await session.close()
      }
    }
  })
})
