import type { Tenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import type { SessionSettings } from './way.ts'

/** What a session needs whose statements the database scopes. */
export interface ScopedSettings extends SessionSettings {
  readonly tenancy: Tenancy
  /** The option of TenantPool. */
  readonly prepare: boolean
}

/** The superuser's pool: no row-level security. */
export function openPlainPool({ connectionStrings, connections }: SessionSettings): pg.Pool {
  return new pg.Pool({ connectionString: connectionStrings.superuser, max: connections })
}

/** The application's pool, as Tenantry makes it. */
export function openTenantPool(settings: ScopedSettings): TenantPool {
  const { connectionStrings, connections, tenancy, prepare } = settings
  return new TenantPool({ tenancy, connectionString: connectionStrings.app, max: connections, prepare })
}
