import { TenantPool } from '@tenantry/core/pg'
import type { TenantOwned } from '@tenantry/kysely'
import { Kysely, PostgresDialect, type Generated } from 'kysely'
import { tenancy } from './tenancy.ts'

export interface Database {
  /** The tenants: each sees itself. */
  companies: { id: string; name: string }
  access_tokens: { hash: string; company_id: Generated<string> }
  projects: TenantOwned<{ id: Generated<string>; name: string; status: Generated<ProjectStatus> }>
  tasks: TenantOwned<{ id: Generated<string>; project_id: string; title: string; done: Generated<boolean> }>
}

export const PROJECT_STATUSES = ['active', 'paused', 'archived'] as const
export type ProjectStatus = (typeof PROJECT_STATUSES)[number]

/** Kysely as the application uses it: every statement runs for the company of the request that it is sent in. */
export function openDatabase(connectionString: string, max = 10): { db: Kysely<Database>; pool: TenantPool } {
  const pool = new TenantPool({ tenancy, connectionString, max, connectionTimeoutMillis: 10_000 })
  return { db: new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }), pool }
}
