import type { TenantIsolationOptions } from '@tenantry/typeorm'

/** A table with rows of tenants: the application's are its own tenant's, the system role's all. */
export const tenant: TenantIsolationOptions = { role: 'tenantry_app', systemRole: 'tenantry_system' }

/** The table of the tenants themselves. */
export const root: TenantIsolationOptions = { ...tenant, kind: 'root' }
