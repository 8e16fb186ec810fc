import type { Rounds } from './interleave.ts'
import type { ConnectionsEffort } from './measurements/connections.ts'

/** How much is measured: the numbers that decide how long a run takes. */
export interface Effort {
  /** Rows of each table. */
  readonly rows: number
  /** Tenants of the table that everything but `tenants` asks. */
  readonly tenants: number
  /** The numbers of tenants that are compared, fewest first. */
  readonly tenantCounts: readonly number[]
  readonly latency: Rounds
  readonly libraries: Rounds
  readonly throughput: Rounds
  readonly http: Rounds
  readonly connections: ConnectionsEffort
  /** Queries of each way over which the heap is watched. */
  readonly heapQueries: number
  readonly tenantLatency: Rounds
  readonly policies: Rounds
}

/** About nine minutes. */
export const fullEffort: Effort = {
  rows: 1_000_000,
  tenants: 1_000,
  tenantCounts: [10, 1_000, 100_000],
  latency: { rounds: 30, millisecondsPerRound: 100 },
  libraries: { rounds: 30, millisecondsPerRound: 100 },
  throughput: { rounds: 15, millisecondsPerRound: 200 },
  http: { rounds: 20, millisecondsPerRound: 120 },
  connections: { connections: 20, statements: 100 },
  heapQueries: 100_000,
  tenantLatency: { rounds: 12, millisecondsPerRound: 100 },
  policies: { rounds: 20, millisecondsPerRound: 60 },
}

/** About a minute: enough to see that everything runs, too little to quote. */
export const quickEffort: Effort = {
  rows: 100_000,
  tenants: 1_000,
  tenantCounts: [10, 1_000, 10_000],
  latency: { rounds: 5, millisecondsPerRound: 80 },
  libraries: { rounds: 3, millisecondsPerRound: 50 },
  throughput: { rounds: 2, millisecondsPerRound: 250 },
  http: { rounds: 2, millisecondsPerRound: 40 },
  connections: { connections: 5, statements: 100 },
  heapQueries: 10_000,
  tenantLatency: { rounds: 4, millisecondsPerRound: 50 },
  policies: { rounds: 4, millisecondsPerRound: 20 },
}
