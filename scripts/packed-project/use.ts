import { createTenancy, TenantryError, type Scope, type Tenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import {
  applyPlan,
  defineTenancy,
  planTenancy,
  readCatalogue,
  TenantryError as PolicyError,
  type Query,
} from '@tenantry/policies'
import { startPostgres, type TestPostgres } from '@tenantry/testing'
import type { Client, Pool, QueryResult } from 'pg'

const tenancy = createTenancy({
  tenantId: 'uuid',
  settings: { tenantId: 'app.current_tenant_id', userId: 'app.current_user_id' },
})
const pool: Pool = new TenantPool({ tenancy, connectionString: 'postgres://localhost/app', max: 10 })

export async function countProjects(tenantId: string): Promise<number> {
  const result: QueryResult<{ count: number }> = await tenancy.run({ tenantId, userId: 'ada' }, () =>
    pool.query<{ count: number }>('select count(*)::int as count from projects'),
  )
  return result.rows[0]?.count ?? 0
}

export function isMissingTenant(error: unknown): boolean {
  return TenantryError.isInstance(error) && error.code === 'TENANT_REQUIRED'
}

export const scope: Scope | undefined = tenancy.current()
export const server: Promise<TestPostgres> = startPostgres()
export async function prepare(client: Client): Promise<readonly string[]> {
  const query: Query = (text, values) => client.query(text, values && [...values])
  const model = defineTenancy({
    tenantTable: 'tenants',
    tables: { plans: 'shared', tasks: { kind: 'child' } },
  })
  const plan = planTenancy(model, await readCatalogue(query, model), { shape: 'online' })
  await applyPlan(query, plan, { until: 'protect' })
  return plan.steps.map(({ reason }) => reason)
}

export function problemsOf(error: unknown): readonly string[] {
  return PolicyError.isInstance(error) ? error.problems.map(({ message }) => message) : []
}

export type { Tenancy }
