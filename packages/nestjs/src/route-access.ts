import { SetMetadata } from '@nestjs/common'
import type { CustomDecorator, ExecutionContext, Type } from '@nestjs/common'
import { TenantryError } from '@tenantry/core'

/** What a route acts as, where that is not the tenant of the request. */
export type RouteAccess = { readonly kind: 'none' } | { readonly kind: 'system'; readonly reason: string }

// One key for both: of a controller's decorator and its method's, the method's counts.
const ROUTE_ACCESS = Symbol.for('@tenantry/nestjs/route-access')

/**
 * The route, or every route of the controller, acts for no tenant: for sign-in, health checks and what all tenants share.
 * Its statements see what policies show to nobody's tenant. No resolver is asked.
 *
 * @example
 * ```ts no-run
 * @WithoutTenant()
 * @Get('health')
 * health() {
 *   return 'ok'
 * }
 * ```
 */
export function WithoutTenant(): CustomDecorator<symbol> {
  return SetMetadata<symbol, RouteAccess>(ROUTE_ACCESS, { kind: 'none' })
}

/**
 * The route, or every route of the controller, crosses tenants through the system pool, once every guard has let the request
 * pass: put a guard before it that knows your operators. Audited on the diagnostics channel `tenantry:system`.
 *
 * @param reason why, for the audit; must not be empty
 * @throws TenantryError `SYSTEM_REASON_REQUIRED`
 * @example
 * ```ts no-run
 * @SystemAccess('usage report of all tenants')
 * @UseGuards(OperatorGuard)
 * @Get('usage')
 * usage() {
 *   return this.reports.usageByTenant()
 * }
 * ```
 */
export function SystemAccess(reason: string): CustomDecorator<symbol> {
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new TenantryError({
      code: 'SYSTEM_REASON_REQUIRED',
      message: "@SystemAccess needs a reason for the audit: @SystemAccess('usage report of all tenants').",
    })
  }
  return SetMetadata<symbol, RouteAccess>(ROUTE_ACCESS, { kind: 'system', reason })
}

// Reflection costs as much as the rest of the guard, and what a route says of itself never changes.
const accesses = new WeakMap<object, WeakMap<object, RouteAccess | undefined>>()

/** What the route says of itself; `undefined` if it acts for the tenant of the request. */
export function routeAccess(
  context: Pick<ExecutionContext, 'getHandler' | 'getClass'>,
  excluded: readonly Type<unknown>[] = [],
): RouteAccess | undefined {
  const [handler, controller] = [context.getHandler(), context.getClass()]
  let ofController = accesses.get(controller)
  if (ofController === undefined) accesses.set(controller, (ofController = new WeakMap()))
  if (!ofController.has(handler)) {
    ofController.set(handler, declaredAccess(handler) ?? declaredAccess(controller))
  }
  return ofController.get(handler) ?? (excluded.includes(controller) ? { kind: 'none' } : undefined)
}

function declaredAccess(target: object): RouteAccess | undefined {
  return Reflect.getMetadata(ROUTE_ACCESS, target) as RouteAccess | undefined
}
