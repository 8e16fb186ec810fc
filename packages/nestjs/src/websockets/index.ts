export { tenantWsAdapter } from './tenant-ws-adapter.ts'
export type { TenantWsMessage, TenantWsOptions } from './tenant-ws-adapter.ts'
