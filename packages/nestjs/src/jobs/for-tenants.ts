import { TenantryError, type Tenancy } from '@tenantry/core'
import { enterTenant, withFreshScope } from '../message-scope.ts'
import type { ResolvedTenant } from '../tenant-resolver.ts'
import { TenantsFailedError, type TenantFailure } from './tenants-failed-error.ts'
import { aroundMethod } from './wrap-method.ts'

/** Several tenants, as they come. */
export type TenantList = Iterable<ResolvedTenant> | AsyncIterable<ResolvedTenant>

/** What {@link ForTenants} takes besides the list. */
export interface ForTenantsOptions {
  /** For how many tenants the method runs at a time. One, unless given: a job leaves the pool to the requests. */
  readonly concurrency?: number
}

/**
 * The method runs for each of these tenants, whoever calls it and in whatever scope: a schedule, an event, another method. One
 * tenant's error stops no other; at the end all errors are thrown as one {@link TenantsFailedError}. It composes with `@Cron`,
 * `@Interval`, `@Timeout` and `@OnEvent`, in either order.
 *
 * @param tenants gives the tenants, from the provider that has the method. It is called without a scope: who reads them from
 *   the database says as what
 * @throws TenantryError `INVALID_CONFIG` if `concurrency` is no whole number above zero, or this is no method of a provider
 * @example
 * ```ts no-run
 * @Cron('0 3 * * *')
 * @ForTenants((jobs: InvoiceJobs) => jobs.tenants.activeIds())
 * async sendInvoices() {
 *   await this.invoices.sendDue()
 * }
 * ```
 */
export function ForTenants<Self extends object>(
  tenants: (self: Self) => TenantList | Promise<TenantList>,
  { concurrency = 1 }: ForTenantsOptions = {},
): (target: Self, name: PropertyKey, descriptor: PropertyDescriptor) => void {
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message: `@ForTenants({ concurrency }) is ${String(concurrency)}: give a whole number above zero.`,
    })
  }
  return (target, name, descriptor) =>
    aroundMethod<Self>('@ForTenants', async (tenancy, self, call) => {
      const list = await withFreshScope(tenancy, () => tenants(self))
      const failures: TenantFailure[] = []
      const count = await forEachOf(list, concurrency, async (tenant) => {
        try {
          await enterTenant(tenancy, tenancy.scopeOf(tenant))(call)
        } catch (error) {
          failures.push({ tenantId: idOf(tenancy, tenant), error })
        }
      })
      if (failures.length > 0) {
        throw new TenantsFailedError(`${target.constructor.name}.${String(name)}`, count, failures)
      }
    })(target, name, descriptor)
}

/** @returns how many there were */
async function forEachOf<T>(
  list: Iterable<T> | AsyncIterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<number> {
  const running = new Set<Promise<void>>()
  let count = 0
  try {
    for await (const item of list) {
      count += 1
      const run = work(item).finally(() => running.delete(run))
      running.add(run)
      if (running.size >= concurrency) await Promise.race(running)
    }
  } finally {
    // Also when the list itself fails: what has started is not left behind.
    await Promise.all(running)
  }
  return count
}

function idOf(tenancy: Tenancy, tenant: ResolvedTenant): string {
  try {
    return tenancy.scopeOf(tenant).tenantId
  } catch {
    // The error beside it says what is wrong with it.
    return 'a tenant id that is none'
  }
}
