import pg from 'pg'
import type { Dataset } from './dataset.ts'
import { createDataset, loadDataset, loadTenants } from './dataset.ts'
import type { Effort } from './effort.ts'
import { applications } from './http/applications.ts'
import { describeMachine } from './machine.ts'
import { measureConnections } from './measurements/connections.ts'
import { measureHeap } from './measurements/heap.ts'
import { measureHttp } from './measurements/http.ts'
import { measureLatency } from './measurements/latency.ts'
import { furtherPlaces, measureLibraries, type LibrariesAt } from './measurements/libraries.ts'
import { measurePolicies } from './measurements/policies.ts'
import { measureRoundTrips } from './measurements/round-trips.ts'
import { measureTenants } from './measurements/tenants.ts'
import { measureThroughput } from './measurements/throughput.ts'
import { busyShare } from './measurements/processor-times.ts'
import type { Network } from './network.ts'
import { distant, loopback } from './network.ts'
import { makeTenancy } from './policies/make-tenancy.ts'
import type { Measurement, Results } from './results.ts'
import type { Library } from './ways/library.ts'
import type { ConnectionStrings, Way } from './ways/way.ts'

export interface BenchmarkSettings {
  /** An empty database, which is filled. */
  readonly connectionStrings: ConnectionStrings
  /** The first is the baseline. */
  readonly ways: readonly Way[]
  /** Each is compared with itself. */
  readonly libraries: readonly Library[]
  readonly effort: Effort
  readonly only: readonly Measurement[]
  /** The round trip of the distant network, in milliseconds. */
  readonly roundTrip: number
  /** Told before each step what comes now. */
  readonly onProgress: (step: string) => void
}

/** Loads the data into an empty database and measures, one thing at a time. */
export async function runBenchmark(settings: BenchmarkSettings): Promise<Results> {
  const { connectionStrings, ways, libraries, effort, only, roundTrip, onProgress } = settings
  const takenAt = new Date().toISOString()
  const busyAtStart = await busyShare()
  const dataset = createDataset(effort.rows, effort.tenants)
  const datasetsByTenants = effort.tenantCounts.map((tenants) => createDataset(effort.rows, tenants))
  const general = ways.filter((way) => !way.latencyOnly)
  const ofTenantry = general.filter((way) => way.name.startsWith('tenantry'))

  onProgress('loading the data')
  const machine = await prepareDatabase(connectionStrings.superuser, [
    // Policies are compared on tables of their own.
    ...(only.some((measurement) => measurement !== 'policies') ? [dataset] : []),
    ...(only.includes('tenants') ? datasetsByTenants : []),
  ])
  const networks = [loopback(connectionStrings)]
  if (only.some((measurement) => ['latency', 'libraries', 'throughput', 'http'].includes(measurement))) {
    onProgress('calibrating the proxy')
    networks.push(await distant(connectionStrings, roundTrip))
  }
  const places: LibrariesAt[] = networks.map((network) => ({ network, libraries }))
  if (only.includes('libraries'))
    places.push(...(await furtherPlaces(libraries, connectionStrings, roundTrip)))
  const everyNetwork = places.map(({ network }) => network)

  async function measure<Rows>(
    measurement: Measurement,
    run: () => Promise<Rows>,
  ): Promise<Rows | undefined> {
    if (!only.includes(measurement)) return undefined
    onProgress(`measuring ${measurement}`)
    return run()
  }
  async function atEachNetwork<Row>(run: (network: Network) => Promise<Row[]>): Promise<Row[]> {
    const rows: Row[] = []
    for (const network of networks) rows.push(...(await run(network)))
    return rows
  }

  try {
    return {
      takenAt,
      busyAtStart,
      machine,
      effort,
      networks: everyNetwork.map(({ name, addedRoundTrip }) => ({ name, addedRoundTrip })),
      roundTrips: await measure('round-trips', () => measureRoundTrips(general, connectionStrings, dataset)),
      latency: await measure('latency', () =>
        atEachNetwork((network) => measureLatency([ways], network, dataset, effort.latency)),
      ),
      libraries: await measure('libraries', () =>
        measureLibraries(places, connectionStrings, dataset, effort.libraries),
      ),
      throughput: await measure('throughput', () =>
        atEachNetwork((network) => measureThroughput(general, network, dataset, effort.throughput)),
      ),
      http: await measure('http', () =>
        atEachNetwork((network) => measureHttp(applications, network, dataset, effort.http)),
      ),
      connections: await measure('connections', () =>
        measureConnections(connectionStrings, dataset, effort.connections),
      ),
      heap: await measure('heap', () =>
        measureHeap(ofTenantry, connectionStrings, dataset, effort.heapQueries),
      ),
      tenants: await measure('tenants', () =>
        measureTenants([ways[0]!, ...ofTenantry], connectionStrings, datasetsByTenants, effort.tenantLatency),
      ),
      policies: await measure('policies', () => measurePolicies(connectionStrings, dataset, effort.policies)),
    }
  } finally {
    await Promise.all(everyNetwork.map((network) => network.close()))
  }
}

async function prepareDatabase(superuser: string, datasets: readonly Dataset[]) {
  const client = new pg.Client({ connectionString: superuser })
  await client.connect()
  try {
    const byTable = new Map(datasets.map((dataset) => [dataset.table, dataset]))
    await loadTenants(client, Math.max(0, ...datasets.map(({ tenants }) => tenants)))
    for (const dataset of byTable.values()) await loadDataset(client, dataset)
    await makeTenancy(client, { tenantTable: 'tenant' })
    return await describeMachine(client)
  } finally {
    await client.end()
  }
}
