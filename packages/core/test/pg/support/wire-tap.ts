import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A message that a client sent: its type's letter and what follows the length. */
export interface SentMessage {
  readonly type: string
  readonly body: string
}

/**
 * Listens to what clients send to the server of a connection string, until the test is over. Counts flights: each
 * begins where a client sends something after having received something, and so has waited for the network once.
 */
export class WireTap {
  /** The connection string by way of the tap. */
  readonly url: string
  #flights: SentMessage[][] = []
  #received = true

  private constructor(url: string) {
    this.url = url
  }

  static async open(connectionString: string): Promise<WireTap> {
    const url = new URL(connectionString)
    const [host, port] = [url.hostname, Number(url.port || 5432)]
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url.hostname = '127.0.0.1'
    url.port = String((server.address() as AddressInfo).port)
    const tap = new WireTap(url.href)
    const sockets = new Set<Socket>()
    server.on('connection', (client) => {
      const upstream = connect(port, host)
      sockets.add(client).add(upstream)
      tap.#listen(client, upstream)
    })
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return tap
  }

  /** What was sent since the last call, in its flights. */
  takeFlights(): readonly (readonly SentMessage[])[] {
    const flights = this.#flights
    this.#flights = []
    this.#received = true
    return flights
  }

  #listen(client: Socket, upstream: Socket): void {
    let pending: Buffer = Buffer.alloc(0)
    let started = false
    client.on('data', (chunk: Buffer) => {
      upstream.write(chunk)
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        // The first message of a connection has no type.
        const head = started ? 1 : 0
        const length = pending.length < head + 4 ? Infinity : head + pending.readInt32BE(head)
        if (pending.length < length) return
        const body = pending.toString('latin1', head + 4, length)
        this.#record({ type: started ? String.fromCharCode(pending[0] ?? 0) : 'startup', body })
        pending = pending.subarray(length)
        started = true
      }
    })
    upstream.on('data', (chunk: Buffer) => {
      this.#received = true
      client.write(chunk)
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.setNoDelay(true)
      socket.on('end', () => other.end())
      socket.on('error', () => other.destroy())
    }
  }

  #record(message: SentMessage): void {
    if (this.#received) this.#flights.push([])
    this.#received = false
    this.#flights.at(-1)?.push(message)
  }
}

/** The SQL texts among messages, of Parse and of Query. */
export function textsOf(messages: readonly SentMessage[]): string[] {
  return messages.flatMap(({ type, body }) => {
    if (type === 'Q') return [body.slice(0, -1)]
    if (type === 'P') return [body.split('\0')[1] ?? '']
    return []
  })
}
