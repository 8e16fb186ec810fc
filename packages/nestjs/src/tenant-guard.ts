import { Inject, Injectable } from '@nestjs/common'
import type { CanActivate, ExecutionContext } from '@nestjs/common'
import { RequestTenants, type Pass } from './request-tenants.ts'
import { tenancyHttpException } from './tenancy-http-exception.ts'

/** The module's own, ahead of the guards of controllers. */
@Injectable()
export class EarlyTenantGuard implements CanActivate {
  @Inject(RequestTenants) private readonly requests!: RequestTenants

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await settle(this.requests, context, 'early')
    return true
  }
}

/**
 * Asks the resolvers, and `membership`, and makes the request act for the tenant. The module asks the resolvers before the
 * guards of controllers, and both after them. Name it yourself where a guard needs the tenant that the guard before it has found.
 *
 * @example
 * ```ts no-run
 * @UseGuards(AuthenticationGuard, TenantGuard, RolesGuard) // RolesGuard reads the roles of the user's tenant
 * ```
 */
@Injectable()
export class TenantGuard implements CanActivate {
  // Not `#`: Nest sets it by name.
  @Inject(RequestTenants) private readonly requests!: RequestTenants

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await settle(this.requests, context, 'named')
    return true
  }
}

/** Refuses as Nest does: an application's own filters see an HttpException. */
export function settle(
  requests: RequestTenants,
  context: ExecutionContext,
  pass: Pass,
): Promise<void> | undefined {
  return requests.settle(context, pass)?.catch((error: unknown) => {
    throw tenancyHttpException(error) ?? error
  })
}
