// Loaded on Nest 12 alone: the other release lines are tested without socket.io.
import { IoAdapter } from '@nestjs/platform-socket.io'
import type { INestApplication } from '@nestjs/common'
import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished } from 'vitest'

export { IoAdapter }

/** A connected client, which has sent these messages at once. */
export async function connectSocket(
  app: INestApplication,
  auth: Record<string, unknown> = {},
  namespace = '',
): Promise<Socket> {
  const socket = io(`${await app.getUrl()}${namespace}`, { auth, transports: ['websocket'], forceNew: true })
  onTestFinished(() => void socket.disconnect())
  return socket
}

/** The next event of this name. */
export async function nextEvent(socket: Socket, event: string): Promise<unknown> {
  const [data] = (await once(socket as never, event)) as [unknown]
  return data
}
