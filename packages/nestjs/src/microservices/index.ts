export { tenantClient } from './tenant-client.ts'
export type { TenantClient } from './tenant-client.ts'
export { tenantStrategy } from './tenant-strategy.ts'
export type { TenantMessage, TenantStrategyOptions } from './tenant-strategy.ts'
