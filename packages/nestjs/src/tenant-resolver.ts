import type { SettingValue } from '@tenantry/core'

/** How a {@link TenantRequest} arrived. */
export type TenantRequestKind = 'http' | 'graphql' | 'ws' | 'rpc'

/** What a {@link TenantResolver} may look at: what requests of every transport have in common. */
export interface TenantRequest {
  /** `'http'` and `'graphql'` are requests of their own; of `'ws'` it is the handshake's, of `'rpc'` the message's. */
  readonly kind: TenantRequestKind
  /** By names in lower case. Empty for a message of a microservice that has none. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Names and values in turn, as they came, with every repetition; where the transport knows them. */
  readonly rawHeaders: readonly string[] | undefined
  /** The parameters of the route's path. */
  readonly params: Readonly<Record<string, unknown>>
  /**
   * The framework's own: Express's or Fastify's request, the socket of a websocket, the context of a message. What
   * guards put on it, such as `user`, is there.
   */
  readonly raw: object
}

/** A tenant as a {@link TenantResolver} gives it: the id, or an object with the id and declared settings. */
export type ResolvedTenant =
  | string
  | number
  | bigint
  | {
      readonly tenantId: string | number | bigint
      readonly [setting: string]: SettingValue
    }

/**
 * Says for which tenant a request is: an id, or an object with `tenantId` and declared settings; `undefined` if it cannot
 * tell. Whatever it throws ends the request. It runs without a tenant, so that it may ask the database about what all
 * tenants share.
 */
export type TenantResolver = (
  request: TenantRequest,
) => ResolvedTenant | undefined | Promise<ResolvedTenant | undefined>
