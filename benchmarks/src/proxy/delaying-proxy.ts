import { startProcess } from '../answering-process.ts'
import type { ProxyAnswer, ProxyRequest } from './proxy-process.ts'

/** A TCP proxy in a process of its own, which holds back every chunk for a fixed time. */
export interface DelayingProxy {
  /** The connection string that reaches the same database through the proxy. */
  through(connectionString: string): string
  /**
   * The round trips of each connection, oldest first, closed ones included. A round trip is a flight of the
   * client: it sends after having received something since it last sent.
   */
  roundTrips(): Promise<number[]>
  /** Changes the delay in one direction, in milliseconds, for what arrives from now on. */
  setOneWayDelay(milliseconds: number): Promise<void>
  /** Ends the proxy and every connection through it. A second call does nothing. */
  close(): Promise<void>
}

/**
 * Starts a proxy in front of a PostgreSQL server. It stands in for a network: it delays both directions, but
 * neither reorders, drops nor throttles, and it sets TCP_NODELAY on both sides. Being a separate process, it
 * does not compete with the measured client for an event loop.
 *
 * @param target - A connection string; the proxy goes to its host and port.
 * @param oneWayDelay - How long to hold back each chunk, in milliseconds; fractions count. Never less than
 *   that, and some 0.1 ms more for the proxy's own work: see `calibrate`.
 * @example
 * const proxy = await startDelayingProxy(database.urls.app, 0.5)
 * const pool = new pg.Pool({ connectionString: proxy.through(database.urls.app) })
 */
export async function startDelayingProxy(target: string, oneWayDelay: number): Promise<DelayingProxy> {
  const { hostname, port } = new URL(target)
  const file = new URL('./proxy-process.ts', import.meta.url)
  const { ask, close } = startProcess<ProxyRequest, ProxyAnswer>(file, 'The delaying proxy')
  const { listeningPort } = await ask({
    kind: 'start',
    host: hostname,
    port: Number(port || 5432),
    oneWayDelay,
  })

  return {
    through(connectionString) {
      const url = new URL(connectionString)
      url.hostname = '127.0.0.1'
      url.port = String(listeningPort)
      return url.href
    },
    async roundTrips() {
      return (await ask({ kind: 'report' })).roundTrips
    },
    async setOneWayDelay(milliseconds) {
      await ask({ kind: 'delay', oneWayDelay: milliseconds })
    },
    close,
  }
}
