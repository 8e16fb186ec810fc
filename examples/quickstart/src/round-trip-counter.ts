import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A proxy in front of PostgreSQL that counts on the wire how often clients had to wait for it. */
export interface RoundTripCounter {
  /** The connection string given, by way of the proxy. */
  connectionString: string
  /** Round trips and bytes sent to PostgreSQL since the start or the last `reset`, over all connections. */
  count: () => { roundTrips: number; bytesSent: number }
  reset: () => void
  close: () => Promise<void>
}

/**
 * Starts a proxy on a free local port.
 *
 * A round trip is counted when a client sends something after it has heard from the server: everything it sends
 * without waiting belongs to the same trip, however many messages or TCP segments that is.
 *
 * @param connectionString of the PostgreSQL server, reached over TCP
 */
export async function startRoundTripCounter(connectionString: string): Promise<RoundTripCounter> {
  const target = new URL(connectionString)
  const sockets = new Set<Socket>()
  let roundTrips = 0
  let bytesSent = 0

  const proxy = createServer((client) => {
    const server = connect(Number(target.port || 5432), target.hostname)
    let serverSpokeLast = true
    client.on('data', (bytes) => {
      bytesSent += bytes.length
      if (serverSpokeLast) roundTrips += 1
      serverSpokeLast = false
    })
    server.on('data', () => {
      serverSpokeLast = true
    })
    forward(client, server)
    forward(server, client)
  })

  function forward(from: Socket, to: Socket): void {
    sockets.add(from)
    // A segment held back to be sent with the next one would add 40 ms to a query.
    from.setNoDelay(true)
    from.pipe(to)
    // An error is always followed by close, which ends the other side too.
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const throughProxy = new URL(connectionString)
  throughProxy.hostname = '127.0.0.1'
  throughProxy.port = String((proxy.address() as AddressInfo).port)

  return {
    connectionString: throughProxy.href,
    count: () => ({ roundTrips, bytesSent }),
    reset: () => {
      roundTrips = 0
      bytesSent = 0
    },
    close: async () => {
      proxy.close()
      for (const socket of sockets) socket.destroy()
      await once(proxy, 'close')
    },
  }
}
