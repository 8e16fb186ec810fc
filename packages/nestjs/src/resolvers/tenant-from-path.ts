import { InvalidTenantIdError } from '@tenantry/core'
import type { TenantResolver } from '../tenant-resolver.ts'

/**
 * The tenant's id from a parameter of the route, such as `/tenants/:tenantId/projects`. It says which tenant is asked for, and
 * nothing about who asks: use it with `membership`, or with a resolver of a verified token, which then has to agree.
 *
 * @param parameter the name in the route's path
 * @example
 * ```ts no-run
 * TenancyModule.forRoot({ tenancy, resolve: [tenantFromClaim('tenant_id'), tenantFromPath('tenantId')] })
 * ```
 */
export function tenantFromPath(parameter: string): TenantResolver {
  return ({ params }) => {
    const value = Object.hasOwn(params, parameter) ? params[parameter] : undefined
    if (value === undefined || typeof value === 'string') return value
    throw new InvalidTenantIdError(
      `The parameter ${JSON.stringify(parameter)} of the path is not one text. Declare it as ":${parameter}".`,
    )
  }
}
