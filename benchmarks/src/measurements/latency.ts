import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Network } from '../network.ts'
import { median, pairedRatio, percentile } from '../statistics.ts'
import type { ConnectionStrings, Session, Way } from '../ways/way.ts'

export interface LatencyRow {
  readonly network: string
  readonly way: string
  /** Median of the rounds' medians, in milliseconds. */
  readonly median: number
  /** Median of the rounds' 95th percentiles, in milliseconds. */
  readonly p95: number
  /** Median of the rounds' ratios to the first way. */
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

/** A session, and which table it asks. */
export interface Lane {
  readonly way: Way
  readonly session: Session
  readonly dataset: Dataset
}

/** One query after the other on one connection, for each of the ways; the first is the baseline. */
export async function measureLatency(
  ways: readonly Way[],
  network: Network,
  dataset: Dataset,
  effort: Rounds,
): Promise<LatencyRow[]> {
  const slices = await measureLanes(openLanes(ways, network.connectionStrings, dataset), effort)
  const medians = slices.map((ofWay) => ofWay.map((slice) => slice.median))
  return slices.map((ofWay, index) => ({
    network: network.name,
    way: ways[index]!.title,
    median: median(medians[index]!),
    p95: median(ofWay.map((slice) => slice.p95)),
    ratio: pairedRatio(medians[index]!, medians[0]!),
    clientCpu: median(ofWay.map((slice) => slice.clientCpu)),
  }))
}

export function openLanes(
  ways: readonly Way[],
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
): Lane[] {
  return ways.map((way) => ({
    way,
    dataset,
    session: way.open({ connectionStrings, dataset, connections: 1 }),
  }))
}

/** Measures the lanes in turn, round by round, and closes them. */
export async function measureLanes(
  lanes: readonly Lane[],
  { rounds, millisecondsPerRound }: Rounds,
): Promise<Slice[][]> {
  try {
    // One round that nobody counts: connections open, code is compiled, pages are read.
    await interleave(lanes, 1, (lane) => measureSlice(lane, millisecondsPerRound))
    return await interleave(lanes, rounds, (lane) => measureSlice(lane, millisecondsPerRound))
  } finally {
    await Promise.all(lanes.map((lane) => lane.session.close()))
  }
}

/** The first queries of a slice find the processor's caches full of the previous way's work. */
const uncounted = 5

async function measureSlice({ session, dataset }: Lane, milliseconds: number): Promise<Slice> {
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
