export { TenantCacheInterceptor } from './tenant-cache-interceptor.ts'
export { tenantCacheKey } from './tenant-cache-key.ts'
