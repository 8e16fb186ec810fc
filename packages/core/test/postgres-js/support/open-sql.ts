import postgres from 'postgres'
import { onTestFinished } from 'vitest'
import { tenantPostgres } from '../../../src/postgres-js/index.ts'
import type { TenantPostgresOptions, TenantSql } from '../../../src/postgres-js/index.ts'
import { tenancy } from '../../pg/support/tenants.ts'

type Own = Omit<TenantPostgresOptions, 'tenancy' | 'url'> & Record<string, unknown>

/** A scoped client for one test. */
export function openSql(url: string, options: Own = {}): TenantSql {
  const sql = tenantPostgres({ tenancy, url, max: 1, onnotice: () => {}, ...options })
  onTestFinished(() => sql.end({ timeout: 5 }))
  return sql
}

/** A client of postgres.js itself for one test. */
export function openPlainSql(url: string, options: Record<string, unknown> = {}): postgres.Sql {
  const sql = postgres(url, { max: 1, onnotice: () => {}, ...options })
  onTestFinished(() => sql.end({ timeout: 0 }))
  return sql
}

/** The numbers of the tenants whose rows a query shows. */
export async function whoseRows(sql: postgres.ISql): Promise<number[]> {
  const rows = await sql<{ tenant: string }[]>`select distinct tenant_id as tenant from projects order by 1`
  return rows.map(({ tenant }) => Number(tenant.slice(-12)))
}

/** The number of the backend that serves a client's next query. */
export async function backendOf(sql: postgres.ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  return row?.pid ?? 0
}
