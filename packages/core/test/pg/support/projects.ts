import type { TestDatabase } from '@tenantry/testing'
import type pg from 'pg'
import { tenantId } from './tenants.ts'

/** Adds a project to the tenant of the scope. */
export function insertProject(client: pg.ClientBase, name: string): Promise<pg.QueryResult> {
  return client.query('insert into projects (name) values ($1)', [name])
}

/**
 * The names of a tenant's projects as somebody else sees them who looks past every policy, apart from those that it
 * started with.
 */
export async function committedProjects(database: TestDatabase, tenant: number): Promise<unknown[]> {
  const rows = await database.query(
    `select name from projects where tenant_id = $1 and name !~ '^project' order by name`,
    [tenantId(tenant)],
  )
  return rows.map(({ name }) => name)
}
