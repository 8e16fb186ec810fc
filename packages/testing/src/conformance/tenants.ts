import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ProjectRow, Row } from './harness.ts'
import type { Observer } from './observer.ts'

/** A tenant that the suite planted as superuser. */
export interface PlantedTenant {
  readonly id: string
  /** A user to act as; no row of the database. */
  readonly userId: string
  /** Ids of its projects, sorted. */
  readonly projects: readonly string[]
}

/** Makes tenants with projects. Every test has its own, so that no test depends on another. */
export async function plantTenants(
  observer: Observer,
  count: number,
  projects: number,
): Promise<PlantedTenant[]> {
  const tenants = Array.from({ length: count }, () => ({
    id: randomUUID(),
    userId: randomUUID(),
    projects: Array.from({ length: projects }, () => randomUUID()).sort(),
  }))
  await observer.rows(
    `insert into tenants (id, name) select id, 'Tenant ' || id from unnest($1::uuid[]) as id`,
    [tenants.map(({ id }) => id)],
  )
  await observer.rows(
    `insert into projects (tenant_id, id, name)
     select tenant_id, id, 'planted' from unnest($1::uuid[], $2::uuid[]) as planted (tenant_id, id)`,
    [
      tenants.flatMap((tenant) => tenant.projects.map(() => tenant.id)),
      tenants.flatMap((tenant) => tenant.projects),
    ],
  )
  return tenants
}

/** Reads all projects that are to be seen. */
export const LIST_PROJECTS =
  'select id::text as id, tenant_id::text as "tenantId", name from projects order by id'

/** The same, with something to bind. */
export const LIST_PROJECTS_NAMED =
  'select id::text as id, tenant_id::text as "tenantId", name from projects where name = $1::text order by id'

/** Asserts that rows are exactly the projects that were planted for a tenant: none missing, none of anybody else. */
export function assertOwnProjects(
  rows: readonly (Row | ProjectRow)[] | undefined,
  tenant: PlantedTenant,
): void {
  const found = (rows ?? []).map((row) => ({ id: row['id' as never], tenantId: row['tenantId' as never] }))
  const foreign = found.filter(({ tenantId }) => tenantId !== tenant.id)
  assert.deepEqual(foreign, [], `tenant ${tenant.id} was given rows of others`)
  assert.deepEqual(
    found.map(({ id }) => String(id)).toSorted(),
    tenant.projects,
    `tenant ${tenant.id} missed rows of its own`,
  )
}

/** What the database really holds for tenants, read as superuser: `name` by project, tenant by tenant. */
export async function storedProjects(
  observer: Observer,
  tenants: readonly PlantedTenant[],
): Promise<Record<string, string>[]> {
  const rows = await observer.rows(
    `select tenant_id::text as tenant, id::text as id, name from projects where tenant_id = any($1::uuid[]) order by id`,
    [tenants.map(({ id }) => id)],
  )
  return tenants.map((tenant) => {
    const own = rows.filter((row) => row['tenant'] === tenant.id)
    return Object.fromEntries(own.map((row) => [String(row['id']), String(row['name'])]))
  })
}

/** Asserts that a tenant's projects are as they were planted. */
export async function assertUntouched(observer: Observer, tenants: readonly PlantedTenant[]): Promise<void> {
  assert.deepEqual(
    await storedProjects(observer, tenants),
    tenants.map(({ projects }) => Object.fromEntries(projects.map((id) => [id, 'planted']))),
    'rows of another tenant were changed',
  )
}
