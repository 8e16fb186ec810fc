import { InvalidTenantIdError } from '@tenantry/core'
import type { ResolvedTenant, TenantResolver } from '../tenant-resolver.ts'

/** What {@link tenantFromClaim} and `tenantFromJwt` take besides the name of the claim. */
export interface ClaimSettings {
  /** Settings of the tenancy to fill from claims, by their keys: `{ userId: 'sub' }`. A claim that is missing sets nothing. */
  readonly settings?: Readonly<Record<string, string>>
}

/** What {@link tenantFromClaim} takes besides the name of the claim. */
export interface TenantFromClaimOptions extends ClaimSettings {
  /** Where the guard puts the verified claims on the request. `'user'` unless given, as with Passport. */
  readonly property?: string
}

/**
 * The tenant from what an authentication guard has verified and put on the request. No answer where there is no user, or one
 * without the claim.
 *
 * @param claim the property of `request.user` with the tenant's id
 * @example
 * ```ts no-run
 * TenancyModule.forRoot({ tenancy, resolve: tenantFromClaim('tenant_id', { settings: { userId: 'sub' } }) })
 * ```
 */
export function tenantFromClaim(
  claim: string,
  { property = 'user', settings }: TenantFromClaimOptions = {},
): TenantResolver {
  return ({ raw }) => tenantOfClaims((raw as Record<string, unknown>)[property], claim, settings)
}

/**
 * @throws InvalidTenantIdError if the claim is neither text nor a number
 */
export function tenantOfClaims(
  claims: unknown,
  claim: string,
  settings: Readonly<Record<string, string>> = {},
): ResolvedTenant | undefined {
  const tenantId = simpleClaim(claims, claim)
  if (tenantId === undefined) return undefined
  const values = Object.entries(settings).map(([key, name]) => [key, simpleClaim(claims, name)] as const)
  return { ...Object.fromEntries(values), tenantId }
}

function simpleClaim(claims: unknown, name: string): string | number | bigint | undefined {
  if (typeof claims !== 'object' || claims === null) return undefined
  const value = (claims as Record<string, unknown>)[name] ?? undefined
  switch (typeof value) {
    case 'undefined':
    case 'string':
    case 'number':
    case 'bigint':
      return value
    default:
      throw new InvalidTenantIdError(
        `The claim ${JSON.stringify(name)} is a ${typeof value}. It has to be one text or one number: a request acts for one tenant.`,
      )
  }
}
