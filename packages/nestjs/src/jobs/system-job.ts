import { TenantryError } from '@tenantry/core'
import { aroundMethod } from './wrap-method.ts'

/**
 * The method crosses tenants through the system pool, whoever calls it: for scheduled work on all tenants at once. Audited on
 * the diagnostics channel `tenantry:system`. Of a route, `@SystemAccess` is the decorator, for it lets the guards go first.
 *
 * @param reason why, for the audit; must not be empty
 * @throws TenantryError `SYSTEM_REASON_REQUIRED`
 * @throws TenantryError `INVALID_CONFIG` if this is no method of a provider
 * @example
 * ```ts no-run
 * @Cron('0 4 * * *')
 * @SystemJob('usage of all tenants, for billing')
 * async recordUsage() {
 *   await this.usage.record()
 * }
 * ```
 */
export function SystemJob(reason: string): MethodDecorator {
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new TenantryError({
      code: 'SYSTEM_REASON_REQUIRED',
      message: "@SystemJob needs a reason for the audit: @SystemJob('usage of all tenants, for billing').",
    })
  }
  return aroundMethod('@SystemJob', (tenancy, _, call) => tenancy.asSystem(reason, call))
}

/**
 * The method acts for no tenant, whoever calls it: for scheduled work on what all tenants share.
 *
 * @throws TenantryError `INVALID_CONFIG` if this is no method of a provider
 * @example
 * ```ts no-run
 * @Interval(60_000)
 * @JobWithoutTenant()
 * async refreshPlans() {
 *   this.plans = await this.repository.find()
 * }
 * ```
 */
export function JobWithoutTenant(): MethodDecorator {
  return aroundMethod('@JobWithoutTenant', (tenancy, _, call) => tenancy.withoutTenant(call))
}
