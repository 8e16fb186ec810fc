import type { Effort } from './effort.ts'
import type { Machine } from './machine.ts'
import type { ConnectionsRow } from './measurements/connections.ts'
import type { HeapRow } from './measurements/heap.ts'
import type { HttpRow } from './measurements/http.ts'
import type { LatencyRow } from './measurements/latency.ts'
import type { LibrariesRow } from './measurements/libraries.ts'
import type { PoliciesRow } from './measurements/policies.ts'
import type { RoundTripsRow } from './measurements/round-trips.ts'
import type { TenantsRow } from './measurements/tenants.ts'
import type { ThroughputRow } from './measurements/throughput.ts'

/** The parts of a run, in the order in which they are measured. */
export const measurements = [
  'round-trips',
  'latency',
  'libraries',
  'throughput',
  'http',
  'connections',
  'heap',
  'tenants',
  'policies',
] as const
export type Measurement = (typeof measurements)[number]

/** Everything a run measured: the content of its JSON file. A part that was not asked for is absent. */
export interface Results {
  readonly takenAt: string
  /** Share of the processors that others used before the run began, 0 to 1. */
  readonly busyAtStart: number
  readonly machine: Machine
  readonly effort: Effort
  readonly networks: readonly {
    readonly name: string
    /** What the proxy really added to a round trip, in milliseconds; 0 without a proxy. */
    readonly addedRoundTrip: number
  }[]
  readonly roundTrips?: readonly RoundTripsRow[] | undefined
  readonly latency?: readonly LatencyRow[] | undefined
  readonly libraries?: readonly LibrariesRow[] | undefined
  readonly throughput?: readonly ThroughputRow[] | undefined
  readonly http?: readonly HttpRow[] | undefined
  readonly connections?: readonly ConnectionsRow[] | undefined
  readonly heap?: readonly HeapRow[] | undefined
  readonly tenants?: readonly TenantsRow[] | undefined
  readonly policies?: readonly PoliciesRow[] | undefined
}
