import type { TenantScope } from '@tenantry/core'
import { connectionTenant, type TenantConnectionOptions } from '../connection-tenant.ts'

/** What of a client of ws or socket.io matters here. */
export interface WsClient {
  /** socket.io has the request of the handshake there. ws gives it to listeners of `connection`. */
  readonly request?: object
  /** Of socket.io: what the client sent along when it connected. */
  readonly handshake?: { readonly auth?: Readonly<Record<string, unknown>> }
}

/** The tenant of each connected client, asked for once. */
export class ClientScopes {
  readonly #options: TenantConnectionOptions
  readonly #asked = new WeakMap<object, Promise<TenantScope>>()
  readonly #known = new WeakMap<object, TenantScope>()

  constructor(options: TenantConnectionOptions) {
    this.#options = options
  }

  /** @throws whatever a resolver or the check of membership threw, each time */
  ask(client: WsClient, request = client.request): Promise<TenantScope> {
    let asked = this.#asked.get(client)
    if (asked === undefined) {
      const token = client.handshake?.auth?.['token']
      asked = connectionTenant(this.#options, {
        kind: 'ws',
        raw: client,
        handshake: request,
        authorization: typeof token === 'string' ? `Bearer ${token}` : undefined,
      })
      this.#asked.set(client, asked)
      asked.then(
        (scope) => this.#known.set(client, scope),
        // Whoever asked is told.
        () => {},
      )
    }
    return asked
  }

  /** When it is known whether the client has a tenant. */
  settled(client: WsClient, request?: object): Promise<unknown> {
    return this.ask(client, request).catch(() => {})
  }

  /** The tenant of a client of whom it is known by now. */
  known(client: object): TenantScope | undefined {
    return this.#known.get(client)
  }
}
