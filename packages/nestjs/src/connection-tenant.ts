import type { TenantScope } from '@tenantry/core'
import { noTenantNamed } from './message-scope.ts'
import { checkMembership, resolveTenant } from './resolve-tenant.ts'
import type { TenancyModuleOptions } from './tenancy-module-options.ts'
import { toTenantRequest } from './tenant-request.ts'

/** What decides for which tenant a connection is: of {@link TenancyModuleOptions} all but what is about controllers. */
export type TenantConnectionOptions = Pick<TenancyModuleOptions, 'tenancy' | 'resolve' | 'membership'>

/** A connection that stays: a websocket's, a socket's of graphql-ws. */
export interface TenantConnection {
  readonly kind: 'ws' | 'graphql'
  /** What resolvers get as `raw`. */
  readonly raw: object
  /** The request of the handshake, where there is one. */
  readonly handshake: object | undefined
  /** The credential that the client sent after the handshake: a browser cannot put headers on that. */
  readonly authorization: string | undefined
}

/**
 * The tenant of a connection, by the same resolvers and the same check of membership as a request's.
 *
 * @throws TenantRequiredError if no resolver knows
 * @throws TenantMismatchError if resolvers disagree, or the one who connects is no member
 */
export async function connectionTenant(
  options: TenantConnectionOptions,
  { kind, raw, handshake, authorization }: TenantConnection,
): Promise<TenantScope> {
  const request = toTenantRequest(kind, handshake ?? {})
  const { headers } = request
  const known =
    authorization === undefined || headers['authorization'] !== undefined
      ? headers
      : { ...headers, authorization }
  const asked = { ...request, raw, headers: known }
  const tenant = await resolveTenant(options, asked)
  if (tenant === undefined) {
    throw noTenantNamed(
      'A connection',
      'Have the client send what the resolvers read, such as a token with the tenant.',
    )
  }
  await checkMembership(options, tenant, asked)
  return tenant
}
