import { calibrate } from './proxy/calibrate.ts'
import { startDelayingProxy } from './proxy/delaying-proxy.ts'
import type { ConnectionStrings } from './ways/way.ts'

/** A distance to the server at which the ways are measured. */
export interface Network {
  /** `loopback`, or the round trip that the proxy was asked to add. */
  readonly name: string
  /** What the proxy really adds to a round trip, in milliseconds, measured just before. */
  readonly addedRoundTrip: number
  readonly connectionStrings: ConnectionStrings
  close(): Promise<void>
}

/** The server as it is, on the same machine. */
export function loopback(connectionStrings: ConnectionStrings): Network {
  return { name: 'loopback', addedRoundTrip: 0, connectionStrings, close: async () => {} }
}

/** The server behind a proxy that adds `roundTrip` milliseconds to each round trip. */
export async function distant(connectionStrings: ConnectionStrings, roundTrip: number): Promise<Network> {
  const proxy = await startDelayingProxy(connectionStrings.superuser, roundTrip / 2)
  return {
    name: `${roundTrip} ms`,
    addedRoundTrip: await calibrate(proxy, connectionStrings.superuser, roundTrip),
    connectionStrings: {
      superuser: proxy.through(connectionStrings.superuser),
      app: proxy.through(connectionStrings.app),
    },
    close: () => proxy.close(),
  }
}
