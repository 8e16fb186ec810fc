import { randomUUID } from 'node:crypto'
import type { Query } from './query-as.ts'

/** A tenant as {@link seedTenants} made it. Names and titles start with the tenant's name. */
export interface SeededTenant {
  readonly id: string
  readonly name: string
  /** One user, `owner@<name>.test`. */
  readonly userId: string
  /** Two projects: `<name> website`, then `<name> app`. */
  readonly projectIds: readonly [string, string]
  /** Two tasks of the first project, then one of the second: `<name> task 1` to `3`. */
  readonly taskIds: readonly [string, string, string]
}

/**
 * Fills the tables of `tenancySchema()`: each tenant gets one user, two projects and three tasks. Returns
 * their ids, so that a test can ask for exactly another tenant's row. May be called again with other tenants.
 *
 * @param query Runs a statement as somebody whom policies do not hold back, such as `database.query`.
 * @param tenantIds The tenants' names and ids; by default two random uuids for `acme` and `globex`.
 *
 * @example
 * ```ts
 * const { acme, globex } = await seedTenants(database.query)
 * const numbered = await seedTenants(database.query, { acme: '1', globex: '2' }) // tenantId: 'bigint'
 * ```
 */
export async function seedTenants<Name extends string = 'acme' | 'globex'>(
  query: Query,
  tenantIds: Readonly<Record<Name, string>> = defaultTenantIds() as Record<Name, string>,
): Promise<Record<Name, SeededTenant>> {
  const tenants = Object.entries<string>(tenantIds).map(([name, id]) => newTenant(name, id))
  for (const [table, rows] of Object.entries(rowsOf(tenants))) {
    const columns = Object.keys(rows[0] ?? {}).join(', ')
    // Values take the types of the table's columns, whichever type tenant ids have.
    await query(
      `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`,
      [JSON.stringify(rows)],
    )
  }
  return Object.fromEntries(tenants.map((tenant) => [tenant.name, tenant])) as Record<Name, SeededTenant>
}

function defaultTenantIds(): Record<'acme' | 'globex', string> {
  return { acme: randomUUID(), globex: randomUUID() }
}

function newTenant(name: string, id: string): SeededTenant {
  return {
    id,
    name,
    userId: randomUUID(),
    projectIds: [randomUUID(), randomUUID()],
    taskIds: [randomUUID(), randomUUID(), randomUUID()],
  }
}

function rowsOf(tenants: readonly SeededTenant[]): Record<string, Record<string, string>[]> {
  return {
    tenants: tenants.map(({ id, name }) => ({ id, name })),
    users: tenants.map(({ id, name, userId }) => ({
      tenant_id: id,
      id: userId,
      email: `owner@${name}.test`,
    })),
    projects: tenants.flatMap(({ id, name, projectIds: [website, app] }) => [
      { tenant_id: id, id: website, name: `${name} website`, status: 'active' },
      { tenant_id: id, id: app, name: `${name} app`, status: 'active' },
    ]),
    tasks: tenants.flatMap(({ id, name, projectIds: [website, app], taskIds }) =>
      [website, website, app].map((projectId, index) => ({
        tenant_id: id,
        id: taskIds[index] ?? '',
        project_id: projectId,
        title: `${name} task ${index + 1}`,
        done: 'false',
      })),
    ),
  }
}
