import pg from 'pg'
import { interleave } from '../interleave.ts'
import { median } from '../statistics.ts'
import type { DelayingProxy } from './delaying-proxy.ts'

/**
 * Adjusts the proxy's delay until a round trip through it takes `roundTrip` milliseconds longer than one without
 * it, the proxy's own work included.
 *
 * @returns What the proxy then really adds to a round trip: the difference of the medians, in milliseconds.
 */
export async function calibrate(
  proxy: DelayingProxy,
  connectionString: string,
  roundTrip: number,
  attempts = 4,
): Promise<number> {
  const direct = new pg.Client({ connectionString })
  const proxied = new pg.Client({ connectionString: proxy.through(connectionString) })
  try {
    await Promise.all([direct.connect(), proxied.connect()])
    let oneWayDelay = roundTrip / 2
    await proxy.setOneWayDelay(oneWayDelay)
    await measureAddedRoundTrip(direct, proxied)
    for (let attempt = 1; ; attempt += 1) {
      const added = await measureAddedRoundTrip(direct, proxied)
      if (attempt === attempts || Math.abs(added - roundTrip) < 0.02 * roundTrip) return added
      // Its own work never takes half of a millisecond; what seems to is another process in the way.
      oneWayDelay = Math.max(0.3 * roundTrip, oneWayDelay - (added - roundTrip) / 2)
      await proxy.setOneWayDelay(oneWayDelay)
    }
  } finally {
    await Promise.all([direct.end(), proxied.end()])
  }
}

/** An empty statement costs the server next to nothing, so that what is left is the way there and back. */
async function measureAddedRoundTrip(direct: pg.Client, proxied: pg.Client): Promise<number> {
  const [fast, slow] = await interleave([direct, proxied], 300, async (client) => {
    const start = performance.now()
    await client.query('')
    return performance.now() - start
  })
  return median(slow!) - median(fast!)
}
