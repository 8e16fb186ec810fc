import { Logger } from '@nestjs/common'
import { connectionTenant, type TenantConnectionOptions } from '../connection-tenant.ts'
import { enterTenant, type Enter } from '../message-scope.ts'

/** A connection of graphql-ws, as its hooks get it. Resolvers get it as `raw`. */
export interface SubscriptionConnection {
  /** What the client sent with `connection_init`. */
  readonly connectionParams?: Readonly<Record<string, unknown>> | undefined
  /** Where graphql-ws has the socket, and the request of the handshake. */
  readonly extra: unknown
}

/** What `onConnect` of graphql-ws may return: `false` refuses, an object is sent along with the acknowledgement. */
export type ConnectionAnswer = Record<string, unknown> | boolean | void

/** What {@link tenantSubscriptions} takes: the module's options, or some of their own. */
export interface TenantSubscriptionsOptions extends TenantConnectionOptions {
  /** A hook of your own, called for the tenant of the connection. */
  readonly onConnect?: (connection: SubscriptionConnection) => ConnectionAnswer | Promise<ConnectionAnswer>
}

/** Options of graphql-ws, for `subscriptions` of `GraphQLModule`. */
export interface TenantSubscriptions {
  readonly onConnect: (connection: SubscriptionConnection) => Promise<ConnectionAnswer>
}

type Emit = (this: unknown, ...values: unknown[]) => boolean

/**
 * Makes every operation of a graphql-ws connection act for its tenant: guards, `subscribe`, filters, resolvers and fields of
 * each event. The tenant is asked for once, when the client connects; a connection without one is closed with 4403.
 *
 * Resolvers see the handshake's headers, with `authorization` from the connection's parameters if it has none, and the
 * connection as `raw`. Events still reach every subscriber of their topic: put the tenant into it with `tenantTopic`.
 *
 * @example
 * ```ts no-run
 * GraphQLModule.forRootAsync<ApolloDriverConfig>({
 *   driver: ApolloDriver,
 *   inject: [TENANCY_OPTIONS],
 *   useFactory: (options: TenancyModuleOptions) => ({
 *     autoSchemaFile: true,
 *     subscriptions: { 'graphql-ws': tenantSubscriptions(options) },
 *   }),
 * })
 * ```
 */
export function tenantSubscriptions(options: TenantSubscriptionsOptions): TenantSubscriptions {
  const { tenancy, onConnect } = options
  const logger = new Logger('TenancyModule')
  return {
    async onConnect(connection) {
      let enter: Enter
      try {
        enter = enterTenant(tenancy, await tenantOf(options, connection))
      } catch (error) {
        // Closing is all that graphql-ws does with `false`, and the client is told nothing else.
        logger.warn(error instanceof Error ? error.message : error)
        return false
      }
      const { socket } = connection.extra as { socket: { emit: Emit } }
      const { emit } = socket
      // graphql-ws has no place to run an operation in: it starts each from the socket's message, and so do we.
      socket.emit = function (...values) {
        return enter(() => emit.apply(this, values))
      }
      return onConnect === undefined ? true : enter(() => onConnect(connection))
    },
  }
}

function tenantOf(options: TenantConnectionOptions, connection: SubscriptionConnection) {
  const { connectionParams = {}, extra } = connection
  const given = connectionParams['authorization'] ?? connectionParams['Authorization']
  return connectionTenant(options, {
    kind: 'graphql',
    raw: connection,
    handshake: (extra as { request?: object }).request,
    authorization: typeof given === 'string' ? given : undefined,
  })
}
