import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import type { Hono } from 'hono'

/** An API that can be called. */
export interface Listening {
  readonly url: string
  /** Answers what has come in, and takes no more. */
  close(): Promise<void>
}

/** @param port 0 for any that is free */
export async function listen(api: Hono, port: number): Promise<Listening> {
  const server: ServerType = createAdaptorServer({ fetch: api.fetch })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      if ('closeIdleConnections' in server) server.closeIdleConnections()
      await closed
    },
  }
}
