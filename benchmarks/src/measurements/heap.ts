import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import { openSession } from '../ways/open-session.ts'
import type { ConnectionStrings, Session, Way } from '../ways/way.ts'
import { bytesInUse } from './memory-use.ts'

export interface HeapRow {
  readonly way: string
  readonly queries: number
  /** Bytes in use after each tenth of the queries. */
  readonly samples: readonly number[]
  /** The growth from the second sample on, in bytes for each query; flat is about 0. */
  readonly bytesPerQuery: number
}

const tenths = 10
const connections = 10
const callers = 20

/** Whether a pool's memory grows with the number of queries it has run, over all tenants. */
export async function measureHeap(
  ways: readonly Way[],
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
  queries: number,
): Promise<HeapRow[]> {
  const rows: HeapRow[] = []
  for (const way of ways) {
    const session = await openSession(way, { connectionStrings, dataset, connections })
    try {
      const samples: number[] = []
      for (let tenth = 0; tenth < tenths; tenth += 1) {
        await runQueries(session, dataset, queries / tenths)
        samples.push(await bytesInUse())
      }
      // The first tenth fills caches that are bounded but not yet full.
      const growth = samples.at(-1)! - samples[1]!
      rows.push({ way: way.title, queries, samples, bytesPerQuery: growth / (queries * 0.8) })
    } finally {
      await session.close()
    }
  }
  return rows
}

async function runQueries(session: Session, dataset: Dataset, queries: number): Promise<void> {
  let started = 0
  const caller = async () => {
    while (started++ < queries) await session.query(randomTask(dataset))
  }
  await Promise.all(Array.from({ length: callers }, caller))
}
