import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Network } from '../network.ts'
import { median, pairedRatio, percentile } from '../statistics.ts'
import { openSession } from '../ways/open-session.ts'
import type { ConnectionStrings, Session, Way } from '../ways/way.ts'

export interface LatencyRow {
  readonly network: string
  readonly way: string
  /** Median of the rounds' medians, in milliseconds. */
  readonly median: number
  /** Median of the rounds' 95th percentiles, in milliseconds. */
  readonly p95: number
  /** Median of the rounds' ratios to the first way of its group. */
  readonly ratio: number
  /** Processor time of the client for one query, in microseconds: median of the rounds. */
  readonly clientCpu: number
}

/** What one lane did in one round. */
export interface Slice {
  readonly median: number
  readonly p95: number
  readonly clientCpu: number
}

/** A way, and which table it asks. */
export interface Lane {
  readonly way: Way
  readonly dataset: Dataset
}

/**
 * One query after the other on one connection, for each way of each group. All of them take turns; each is compared with
 * the first of its group, the baseline.
 */
export async function measureLatency(
  groups: readonly (readonly Way[])[],
  network: Network,
  dataset: Dataset,
  effort: Rounds,
): Promise<LatencyRow[]> {
  const ways = groups.flat()
  const baselines = groups.flatMap((group) => group.map(() => ways.indexOf(group[0]!)))
  const lanes = ways.map((way) => ({ way, dataset }))
  const slices = await measureLanes(lanes, network.connectionStrings, effort)
  const medians = slices.map((ofWay) => ofWay.map((slice) => slice.median))
  return slices.map((ofWay, index) => ({
    network: network.name,
    way: ways[index]!.title,
    median: median(medians[index]!),
    p95: median(ofWay.map((slice) => slice.p95)),
    ratio: pairedRatio(medians[index]!, medians[baselines[index]!]!),
    clientCpu: median(ofWay.map((slice) => slice.clientCpu)),
  }))
}

/** Measures the lanes in turn, round by round, each on a connection of its own. */
export async function measureLanes(
  lanes: readonly Lane[],
  connectionStrings: ConnectionStrings,
  { rounds, millisecondsPerRound }: Rounds,
): Promise<Slice[][]> {
  const open: OpenLane[] = []
  try {
    for (const { way, dataset } of lanes)
      open.push({ dataset, session: await openSession(way, { connectionStrings, dataset, connections: 1 }) })
    const measure = (lane: OpenLane) => measureSlice(lane, millisecondsPerRound)
    // One round that nobody counts: code is compiled, pages are read.
    await interleave(open, 1, measure)
    return await interleave(open, rounds, measure)
  } finally {
    await Promise.all(open.map((lane) => lane.session.close()))
  }
}

interface OpenLane {
  readonly session: Session
  readonly dataset: Dataset
}

/** The first queries of a slice find the processor's caches full of the previous way's work. */
const uncounted = 5

async function measureSlice({ session, dataset }: OpenLane, milliseconds: number): Promise<Slice> {
  const latencies: number[] = []
  let cpuMicroseconds = 0
  const end = performance.now() + milliseconds
  for (let query = 0; query <= uncounted || performance.now() < end; query += 1) {
    const task = randomTask(dataset)
    await session.beforeQuery?.(task)
    const cpu = process.cpuUsage()
    const start = performance.now()
    await session.query(task)
    const latency = performance.now() - start
    if (query < uncounted) continue
    const { user, system } = process.cpuUsage(cpu)
    latencies.push(latency)
    cpuMicroseconds += user + system
  }
  return {
    median: median(latencies),
    p95: percentile(latencies, 0.95),
    clientCpu: cpuMicroseconds / latencies.length,
  }
}
