import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DelayingProxy } from '../src/proxy/delaying-proxy.ts'
import { startDelayingProxy } from '../src/proxy/delaying-proxy.ts'

const oneWayDelay = 4

describe('the delaying proxy', () => {
  let echo: net.Server
  let proxy: DelayingProxy

  beforeEach(async () => {
    // A proxy that is closed resets its connections.
    echo = net.createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const { port } = echo.address() as AddressInfo
    proxy = await startDelayingProxy(`postgres://127.0.0.1:${port}/any`, oneWayDelay)
  })

  afterEach(async () => {
    await proxy.close()
    echo.close()
  })

  async function connect(): Promise<Socket> {
    const { hostname, port } = new URL(proxy.through('postgres://elsewhere:1/any'))
    const socket = net.connect(Number(port), hostname).setNoDelay(true)
    await once(socket, 'connect')
    return socket
  }

  async function receive(socket: Socket, bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (let received = 0; received < bytes; received += chunks.at(-1)!.length)
      chunks.push((await once(socket, 'data'))[0] as Buffer)
    return Buffer.concat(chunks)
  }

  it('passes every byte on, in order, however it is cut and when the delay changes', async () => {
    const socket = await connect()
    const sent = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 31 + (index >> 8)) % 256))
    const received = receive(socket, sent.length)
    let changes = 0
    for (let offset = 0; offset < sent.length;) {
      const length = 1 + Math.floor(Math.random() * 4000)
      socket.write(sent.subarray(offset, offset + length))
      offset += length
      if (Math.random() < 0.2) await new Promise((resolve) => setImmediate(resolve))
      if (offset > (sent.length * (changes + 1)) / 4)
        await proxy.setOneWayDelay(changes++ % 2 === 0 ? 0.2 : 5)
    }
    expect((await received).equals(sent)).toBe(true)
    socket.destroy()
  })

  it('counts a round trip for each time the client sends after an answer', async () => {
    const [asking, waiting] = await Promise.all([connect(), connect()])
    for (let exchange = 0; exchange < 4; exchange += 1) {
      asking.write('ping')
      await receive(asking, 4)
    }
    waiting.write('ping')
    await receive(waiting, 4)
    expect((await proxy.roundTrips()).toSorted((left, right) => left - right)).toEqual([1, 4])
    asking.destroy()
    waiting.destroy()
  })

  it('counts what is sent without waiting for answers as one round trip', async () => {
    const socket = await connect()
    const received = receive(socket, 11)
    for (const piece of ['one', 'two', 'three']) {
      socket.write(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await received
    expect(await proxy.roundTrips()).toEqual([1])
    socket.destroy()
  })

  it('never delivers early', async () => {
    const socket = await connect()
    for (const delay of [0.3, 0.5, 2.5]) {
      await proxy.setOneWayDelay(delay)
      for (let exchange = 0; exchange < 20; exchange += 1) {
        const start = performance.now()
        socket.write('ping')
        await receive(socket, 4)
        expect(performance.now() - start).toBeGreaterThanOrEqual(2 * delay)
      }
    }
    socket.destroy()
  })

  it('passes on the end of a connection, after its last bytes', async () => {
    const socket = await connect()
    const ended = once(socket, 'end')
    const received = receive(socket, 4)
    socket.end('last')
    expect((await received).toString()).toBe('last')
    await ended
  })

  it('ends its connections when it is closed', async () => {
    const socket = await connect()
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await proxy.close()
    await closed
    expect(socket.destroyed).toBe(true)
  })
})
