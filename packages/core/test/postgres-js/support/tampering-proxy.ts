import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy that changes what the server says, until the test is over. */
export class TamperingProxy {
  /** The connection string by way of the proxy. */
  readonly url: string

  private constructor(url: string) {
    this.url = url
  }

  /** @param tamper what is passed on, chunk by chunk, in the place of what the server has sent */
  static async open(connectionString: string, tamper: (chunk: Buffer) => Buffer[]): Promise<TamperingProxy> {
    const url = new URL(connectionString)
    const [host, port] = [url.hostname, Number(url.port || 5432)]
    const sockets = new Set<Socket>()
    const server = createServer((client) => {
      const upstream = connect(port, host)
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket.setNoDelay(true))
        socket.on('close', () => other.destroy())
        // Followed by `close`.
        socket.on('error', () => {})
      }
      client.on('data', (chunk: Buffer) => upstream.write(chunk))
      upstream.on('data', (chunk: Buffer) => {
        for (const piece of tamper(Buffer.from(chunk))) client.write(piece)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    url.hostname = '127.0.0.1'
    url.port = String((server.address() as AddressInfo).port)
    return new TamperingProxy(url.href)
  }
}
