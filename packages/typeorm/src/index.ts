export { forEachTenant } from './for-each-tenant.ts'
export type { ForEachTenantOptions } from './for-each-tenant.ts'
export { MigrationDataSource } from './migration-data-source.ts'
export type { MigrationDataSourceOptions } from './migration-data-source.ts'
export { TenantDataSource } from './tenant-data-source.ts'
export type { SystemCredentials, TenantDataSourceOptions } from './tenant-data-source-options.ts'
export { createTenantFunction, dropTenantFunction } from './tenant-function.ts'
export { disableTenantIsolation, enableTenantIsolation } from './tenant-isolation.ts'
export type { TenantIsolationOptions } from './tenant-isolation.ts'
export { createResultCacheTable } from './result-cache-table.ts'
export type { ResultCacheTableOptions } from './result-cache-table.ts'
export { TenantColumn, tenantColumn } from './tenant-column.ts'
export type {
  TenantColumnConfig,
  TenantColumnDecorator,
  TenantColumnOptions,
  TenantIdType,
} from './tenant-column.ts'
export { TenantRepository } from './tenant-repository.ts'
