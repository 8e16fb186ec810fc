import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import type { Rounds } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Network } from '../network.ts'
import { median, pairedRatio } from '../statistics.ts'
import { openSession } from '../ways/open-session.ts'
import type { Session, Way } from '../ways/way.ts'
import { idleSince, processorTimes } from './processor-times.ts'

export interface ThroughputRow {
  readonly network: string
  readonly way: string
  /** Median of the rounds. */
  readonly queriesPerSecond: number
  /** Median of the rounds' ratios to the first way. */
  readonly ratio: number
  /** Share of this machine's processor time that nobody used, 0 to 1: near 0, it was processors that were short. */
  readonly idle: number
}

const connections = 10

/** More than connections, so that a released connection always finds the next query waiting. */
const callers = 30

/** As many queries as a pool of ten gets done; the first way is the baseline. */
export async function measureThroughput(
  ways: readonly Way[],
  network: Network,
  dataset: Dataset,
  { rounds, millisecondsPerRound }: Rounds,
): Promise<ThroughputRow[]> {
  const { connectionStrings } = network
  const sessions: Session[] = []
  try {
    for (const way of ways) sessions.push(await openSession(way, { connectionStrings, dataset, connections }))
    const measure = (session: Session) => measureSlice(session, dataset, millisecondsPerRound)
    await interleave(sessions, 1, measure)
    const slices = await interleave(sessions, rounds, measure)
    const rates = slices.map((ofWay) => ofWay.map((slice) => slice.queriesPerSecond))
    return slices.map((ofWay, index) => ({
      network: network.name,
      way: ways[index]!.title,
      queriesPerSecond: median(rates[index]!),
      ratio: pairedRatio(rates[index]!, rates[0]!),
      idle: median(ofWay.map((slice) => slice.idle)),
    }))
  } finally {
    await Promise.all(sessions.map((session) => session.close()))
  }
}

interface Slice {
  readonly queriesPerSecond: number
  readonly idle: number
}

async function measureSlice(session: Session, dataset: Dataset, milliseconds: number): Promise<Slice> {
  let queries = 0
  const before = processorTimes()
  const start = performance.now()
  const caller = async () => {
    while (performance.now() - start < milliseconds) {
      await session.query(randomTask(dataset))
      queries += 1
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const seconds = (performance.now() - start) / 1000
  return { queriesPerSecond: queries / seconds, idle: idleSince(before) }
}
