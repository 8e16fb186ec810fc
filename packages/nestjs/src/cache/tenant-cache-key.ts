import { createHash } from 'node:crypto'
import { TenantRequiredError, type Tenancy } from '@tenantry/core'

/**
 * A key of a cache for the current scope alone: tenant and every setting. For `cacheManager.get`, `set` and `del`, and what
 * {@link TenantCacheInterceptor} stores a response under.
 *
 * @param key the key as it would be without tenants; of a response its URL, unless `@CacheKey` says another
 * @throws TenantRequiredError if there is no scope
 * @example
 * ```ts no-run
 * await cacheManager.del(tenantCacheKey(tenancy, '/projects'))
 * ```
 */
export function tenantCacheKey(tenancy: Tenancy, key: string): string {
  const scope = tenancy.current()
  if (scope === undefined) {
    throw new TenantRequiredError(
      'A key of the cache was asked for without a scope, so that there is no telling whose value it is. ' +
        'Run it inside tenancy.run(tenant, fn).',
    )
  }
  // Hashed, so that no tenant's values are in the keys of the store.
  return `${createHash('sha256').update(scope.key).digest('hex')}:${key}`
}
