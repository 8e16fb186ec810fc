import type { AbstractWsAdapter } from '@nestjs/websockets'
import type { Tenancy } from '@tenantry/core'
import { enterTenant, withFreshScope } from '../message-scope.ts'
import type { ClientScopes, WsClient } from './client-scopes.ts'

type Callback = (...values: unknown[]) => unknown

/** A server or namespace of socket.io, or a server of ws. */
interface WsServer {
  use?(middleware: (client: WsClient, next: () => void) => void): unknown
}

/** A socket of ws can wait; messages that arrived before a gateway listens would be lost. */
interface PausableClient extends WsClient {
  readonly readyState?: number
  pause?(): void
  resume?(): void
}

const OPEN = 1

/**
 * Has `handleConnection` and `handleDisconnect` run for the client's tenant, and with no scope if it has none. Nest calls them
 * in the same moment as these callbacks, so that the tenant has to be known by then.
 */
export function scopeConnections(adapter: AbstractWsAdapter, tenancy: Tenancy, clients: ClientScopes): void {
  const prepared = new WeakSet<WsServer>()
  const waiting = new WeakMap<PausableClient, (() => unknown)[]>()

  function inScopeOf(client: WsClient, callback: () => unknown): unknown {
    const scope = clients.known(client)
    return scope === undefined ? withFreshScope(tenancy, callback) : enterTenant(tenancy, scope)(callback)
  }

  async function connectLater(client: PausableClient, callbacks: (() => unknown)[]): Promise<void> {
    await clients.settled(client)
    // A client that is gone again is announced to no gateway. The others to all in one go: Nest takes two calls for one client,
    // with another client's between them, for two connections.
    if (client.readyState === OPEN) for (const callback of callbacks) inScopeOf(client, callback)
    client.resume?.()
  }

  const bindClientConnect = adapter.bindClientConnect.bind(adapter)
  adapter.bindClientConnect = (server: WsServer, callback: Callback) => {
    if (typeof server.use === 'function' && !prepared.has(server)) {
      prepared.add(server)
      server.use((client, next) => void clients.settled(client).then(() => next()))
    }
    bindClientConnect(server, (client: PausableClient, ...values: unknown[]) => {
      const connect = (): unknown => callback(client, ...values)
      const others = waiting.get(client)
      if (others !== undefined) return void others.push(connect)
      void clients.settled(client, values[0] as object | undefined)
      if (clients.known(client) !== undefined || typeof client.pause !== 'function') {
        return inScopeOf(client, connect)
      }
      const callbacks = [connect]
      waiting.set(client, callbacks)
      client.pause()
      void connectLater(client, callbacks)
    })
  }

  const bindClientDisconnect = adapter.bindClientDisconnect.bind(adapter)
  adapter.bindClientDisconnect = (client: WsClient, callback: Callback) =>
    bindClientDisconnect(client, (...values: unknown[]) => inScopeOf(client, () => callback(...values)))
}
