import { beforeAll, expect, test } from 'vitest'
import { tenancy } from '../src/tenancy.ts'
import { useApp, type KnownTenant } from './running-app.ts'

const app = useApp()

let tenant: KnownTenant
beforeAll(async () => {
  tenant = await app.signUp('Acme')
  for (let other = 0; other < 9; other += 1) await app.signUp(`Other${other}`)
  // For each of the ten tenants: 20 projects with 100 tasks each, most of them done.
  await app.database.query(
    `insert into projects (tenant_id, name) select id, 'Project ' || n from tenants, generate_series(1, 19) n`,
  )
  await app.database.query(
    `insert into tasks (tenant_id, project_id, title, status)
     select tenant_id, id, 'Task ' || n, case when n <= 5 then 'open' else 'done' end
     from projects, generate_series(1, 100) n`,
  )
  await app.database.query('analyze projects, tasks')
})

/** The plan of a statement as the application runs it, policies and all. */
async function planOf(statement: string, values: readonly unknown[] = []): Promise<string> {
  const rows = await tenancy.run(tenant.id, () =>
    app.dataSource.query<{ 'QUERY PLAN': string }[]>(`explain ${statement}`, [...values]),
  )
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

test('tasks of a project by status are found by an index, tenant first, though no query names the tenant', async () => {
  const [project] = await app.database.query<{ id: string }>(
    'select id from projects where tenant_id = $1 limit 1',
    [tenant.id],
  )
  const byStatus = `select * from tasks where project_id = '${project?.id}' and status = 'open'`
  expect(await planOf(byStatus)).toMatch(
    /tasks_project_status_idx[\s\S]*Index Cond: \(\(tenant_id = .*project_id = .*status = /,
  )
})

test('open tasks of the tenant are found by an index', async () => {
  expect(await planOf(`select * from tasks where status = 'in_progress'`)).toMatch(
    /tasks_status_idx[\s\S]*Index Cond: \(\(tenant_id = .*status = /,
  )
})
