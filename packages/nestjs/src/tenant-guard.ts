import { Inject, Injectable } from '@nestjs/common'
import type { CanActivate, ExecutionContext } from '@nestjs/common'
import { RequestTenants } from './request-tenants.ts'
import { tenancyHttpException } from './tenancy-http-exception.ts'

/**
 * Asks the resolvers and makes the request act for the tenant. The module runs it before the guards of controllers, and asks
 * again after them. Name it yourself where a guard needs the tenant that the guard before it has found.
 *
 * @example
 * ```ts no-run
 * @UseGuards(AuthenticationGuard, TenantGuard, RolesGuard) // RolesGuard reads the roles of the user's tenant
 * ```
 */
@Injectable()
export class TenantGuard implements CanActivate {
  readonly #requests: RequestTenants

  constructor(@Inject(RequestTenants) requests: RequestTenants) {
    this.#requests = requests
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await settle(this.#requests, context, false)
    return true
  }
}

/** Refuses as Nest does: an application's own filters see an HttpException. */
export function settle(
  requests: RequestTenants,
  context: ExecutionContext,
  last: boolean,
): Promise<void> | undefined {
  return requests.settle(context, last)?.catch((error: unknown) => {
    throw tenancyHttpException(error) ?? error
  })
}
