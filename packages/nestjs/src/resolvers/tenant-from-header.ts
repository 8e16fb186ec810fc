import { InvalidTenantIdError } from '@tenantry/core'
import { invalidConfig } from '../invalid-config.ts'
import { singleHeader } from '../request-headers.ts'
import type { TenantResolver } from '../tenant-resolver.ts'

/** What {@link tenantFromHeader} needs to be told. */
export interface TenantFromHeaderOptions {
  /**
   * `true` says: a proxy that checks who asks sets this header and removes what clients send, and no request reaches the
   * application past it.
   */
  readonly trustedProxy: true
}

/**
 * The tenant's id from a header that a trusted proxy sets. Anybody can send a header: without such a proxy, everybody chooses
 * their tenant.
 *
 * @throws TenantryError `INVALID_CONFIG` without `trustedProxy: true`
 * @example
 * ```ts no-run
 * tenantFromHeader('x-tenant-id', { trustedProxy: true })
 * ```
 */
export function tenantFromHeader(name: string, options: TenantFromHeaderOptions): TenantResolver {
  const { trustedProxy }: { trustedProxy?: unknown } = options ?? {}
  if (trustedProxy !== true) {
    throw invalidConfig(
      `tenantFromHeader(${JSON.stringify(name)})`,
      'clients can send any header, and would choose their tenant. If a proxy that checks who asks sets this one, and ' +
        'removes what clients send, say { trustedProxy: true }. Otherwise use tenantFromClaim or tenantFromJwt.',
    )
  }
  const header = name.toLowerCase()
  return (request) => {
    const value = singleHeader(request, header)
    if (value?.includes(',') === true) {
      throw new InvalidTenantIdError(
        `The header "${header}" has several values. It has to be one tenant's id.`,
      )
    }
    return value
  }
}
