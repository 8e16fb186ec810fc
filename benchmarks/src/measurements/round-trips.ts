import type { Dataset } from '../dataset.ts'
import { randomTask } from '../dataset.ts'
import { startDelayingProxy } from '../proxy/delaying-proxy.ts'
import { openSession } from '../ways/open-session.ts'
import type { ConnectionStrings, Way } from '../ways/way.ts'

export interface RoundTripsRow {
  readonly way: string
  readonly roundTrips: number
}

/** Far enough that nothing is answered while the client still writes: each way's flights stand apart. */
const oneWayDelay = 3

/** Queries before the counted ones: the connection is open and its statements are prepared by then. */
const warmUpQueries = 4

/** Counts, on the wire, the round trips of one scoped statement on an open connection. */
export async function measureRoundTrips(
  ways: readonly Way[],
  connectionStrings: ConnectionStrings,
  dataset: Dataset,
): Promise<RoundTripsRow[]> {
  const proxy = await startDelayingProxy(connectionStrings.superuser, oneWayDelay)
  const proxied = {
    superuser: proxy.through(connectionStrings.superuser),
    app: proxy.through(connectionStrings.app),
  }
  const rows: RoundTripsRow[] = []
  try {
    for (const way of ways) {
      const session = await openSession(way, { connectionStrings: proxied, dataset, connections: 1 })
      try {
        const task = randomTask(dataset)
        for (let query = 0; query < warmUpQueries; query += 1) await session.query(task)
        const before = sum(await proxy.roundTrips())
        await session.query(task)
        rows.push({ way: way.title, roundTrips: sum(await proxy.roundTrips()) - before })
      } finally {
        await session.close()
      }
    }
  } finally {
    await proxy.close()
  }
  return rows
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
