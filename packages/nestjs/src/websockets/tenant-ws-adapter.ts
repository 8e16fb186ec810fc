import type { INestApplicationContext, WsMessageHandler } from '@nestjs/common'
import type { AbstractWsAdapter } from '@nestjs/websockets'
import { TenantMismatchError, TenantryError, type Tenancy, type TenantScope } from '@tenantry/core'
import { of, type Observable } from 'rxjs'
import { messageRefusal, refusingErrors, type MessageRefusal } from '../message-refusal.ts'
import { enterTenant } from '../message-scope.ts'
import { TENANCY_OPTIONS, type TenancyModuleOptions } from '../tenancy-module-options.ts'
import type { ResolvedTenant } from '../tenant-resolver.ts'
import { ClientScopes, type WsClient } from './client-scopes.ts'
import { scopeConnections } from './scope-connections.ts'

/** A message of a websocket. */
export interface TenantWsMessage {
  /** The socket of ws or socket.io. */
  readonly client: unknown
  /** As `@SubscribeMessage` has it. */
  readonly event: string
  readonly data: unknown
}

/** What {@link tenantWsAdapter} takes besides the application. */
export interface TenantWsOptions {
  /**
   * Says for which tenant a message is, where clients say so in each. It has to agree with the connection, if that has a
   * tenant. It runs without a tenant; whatever it throws refuses the message.
   */
  readonly messageTenant?: (
    message: TenantWsMessage,
  ) => ResolvedTenant | undefined | Promise<ResolvedTenant | undefined>
  /** The messages that are for no tenant, in every gateway. */
  readonly withoutTenant?: readonly string[]
}

/**
 * A websocket adapter whose messages each act for their tenant: guards, interceptors, pipes, the handler, its Observable and
 * exception filters; and `handleConnection` and `handleDisconnect`. The resolvers of `TenancyModule` and its check of
 * membership are asked once for each connection, about the request of the handshake, with the socket as `raw`; of socket.io
 * `auth.token` counts as the bearer's token. A message without a tenant is answered with the event `exception` and reaches no
 * handler.
 *
 * @param adapter `WsAdapter`, `IoAdapter` or one derived from them; it is changed and returned
 * @param app the application with `TenancyModule`
 * @example
 * ```ts no-run
 * app.useWebSocketAdapter(tenantWsAdapter(new WsAdapter(app), app))
 * ```
 */
export function tenantWsAdapter<Adapter extends AbstractWsAdapter>(
  adapter: Adapter,
  app: Pick<INestApplicationContext, 'get'>,
  options: TenantWsOptions = {},
): Adapter {
  const { tenancy, ...connections } = app.get<TenancyModuleOptions>(TENANCY_OPTIONS, { strict: false })
  const clients = new ClientScopes({ tenancy, ...connections })
  scopeConnections(adapter, tenancy, clients)
  const messages = new MessageScopes(tenancy, clients, options)
  const bindMessageHandlers: Bind = adapter.bindMessageHandlers.bind(adapter)
  adapter.bindMessageHandlers = (client: WsClient, handlers: WsMessageHandler[], transform: Transform) => {
    const scoped = handlers.map((handler) => ({ ...handler, callback: messages.around(client, handler) }))
    bindMessageHandlers(client, scoped, transform)
  }
  return adapter
}

type Transform = (result: unknown) => Observable<unknown>
type Bind = (client: WsClient, handlers: WsMessageHandler[], transform: Transform) => void
type Callback = (...values: unknown[]) => Promise<unknown>

/** Runs the handlers of messages in their scopes. */
class MessageScopes {
  readonly #tenancy: Tenancy
  readonly #clients: ClientScopes
  readonly #options: TenantWsOptions

  constructor(tenancy: Tenancy, clients: ClientScopes, options: TenantWsOptions) {
    this.#tenancy = tenancy
    this.#clients = clients
    this.#options = options
  }

  around(client: WsClient, { message: event, callback }: WsMessageHandler): Callback {
    return async (...values) => {
      const call = (): unknown => (callback as Callback)(...values)
      try {
        // Not `return`: what Nest gets is an Observable, which starts when the adapter subscribes to it, bound by the scope.
        const result: unknown = await (this.#options.withoutTenant?.includes(event) === true
          ? this.#tenancy.withoutTenant(call)
          : enterTenant(this.#tenancy, await this.#tenantOf({ client, event, data: values[0] }))(call))
        return refusingErrors(result, exceptionFrame)
      } catch (error) {
        return exceptionFrame(messageRefusal(error))
      }
    }
  }

  async #tenantOf(message: TenantWsMessage): Promise<TenantScope> {
    const { messageTenant } = this.#options
    const connected = this.#clients.ask(message.client as WsClient)
    if (messageTenant === undefined) return connected
    const answer = await this.#tenancy.withoutTenant(() => messageTenant(message))
    if (answer === undefined || answer === null) return connected
    const tenant = this.#tenancy.scopeOf(answer)
    const known = await connected.catch(unlessMissing)
    if (known !== undefined && known.tenantId !== tenant.tenantId) {
      throw new TenantMismatchError(
        `The message ${JSON.stringify(message.event)} is for tenant ${JSON.stringify(tenant.tenantId)}, and came over the ` +
          `connection of ${JSON.stringify(known.tenantId)}. Open a connection for each tenant.`,
      )
    }
    return tenant
  }
}

/** As Nest sends a WsException. */
function exceptionFrame(refusal: MessageRefusal): Observable<unknown> {
  return of({ event: 'exception', data: refusal })
}

/** A connection without a tenant leaves it to its messages; one that was refused does not. */
function unlessMissing(error: unknown): undefined {
  if (TenantryError.isInstance(error) && error.code === 'TENANT_REQUIRED') return undefined
  throw error
}
