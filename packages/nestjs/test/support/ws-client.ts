import type { INestApplication } from '@nestjs/common'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

/** An event of a gateway. */
export interface Frame {
  readonly event: string
  readonly data: unknown
}

/** A client of a `WsAdapter`. */
export interface WsTestClient {
  send(event: string, data?: unknown): void
  /** The next frame that came, in their order. */
  next(): Promise<Frame>
  /** Sends, and waits for the next frame. */
  ask(event: string, data?: unknown): Promise<Frame>
  close(): Promise<void>
}

/** Messages that are sent before the connection is open go out in the same moment as it opens. */
export async function connect(
  app: INestApplication,
  headers: Record<string, string> = {},
  early: readonly Frame[] = [],
): Promise<WsTestClient> {
  const url = (await app.getUrl()).replace('http', 'ws')
  const socket = new WebSocket(url, { headers })
  onTestFinished(() => socket.terminate())
  const frames: Frame[] = []
  const waiting: ((frame: Frame) => void)[] = []
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame
    const first = waiting.shift()
    if (first === undefined) frames.push(frame)
    else first(frame)
  })
  const send = (event: string, data: unknown = {}) => socket.send(JSON.stringify({ event, data }))
  const next = () =>
    new Promise<Frame>((resolve) => {
      const frame = frames.shift()
      if (frame === undefined) waiting.push(resolve)
      else resolve(frame)
    })
  await once(socket, 'open')
  for (const { event, data } of early) send(event, data)
  return {
    send,
    next,
    ask: (event, data) => {
      send(event, data)
      return next()
    },
    async close() {
      socket.close()
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
    },
  }
}
