import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineTenancy, readCatalogue, type TenancyOptions } from '../../src/index.ts'
import { adviseIndexes } from '../../src/indexes/advise-indexes.ts'
import type { IndexAdvice } from '../../src/indexes/index-advice.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { apply, refusal } from '../plan/access/planning.ts'

const TENANTS = 50
const TASKS = 4_000
const tenant = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

const plain: TenancyOptions = { tenantTable: 'tenants' }
const options: TenancyOptions = {
  ...plain,
  tables: { tasks: { kind: 'tenant', queries: [['project_id', 'status']] } },
}

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase(
    'advise-indexes',
    `create table tenants (id uuid primary key);
     create table projects (tenant_id uuid not null references tenants, id integer, primary key (tenant_id, id));
     create type priority as enum ('low', 'high');
     create table tasks (
       tenant_id uuid not null references tenants on delete cascade, id integer, project_id integer not null,
       status text not null, email text not null, urgency priority not null default 'low', tags text[],
       primary key (tenant_id, id),
       constraint tasks_project foreign key (tenant_id, project_id) references projects on delete cascade
     );
     create index tasks_project_id on tasks (project_id);
     create index tasks_email on tasks (lower(email));
     create index tasks_urgency on tasks (tenant_id, urgency);
     create index tasks_tags on tasks using gin (tags);
     insert into tenants select format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0'))::uuid from generate_series(1, ${TENANTS}) n;
     insert into projects select id, n from tenants, generate_series(1, 40) n;
     insert into tasks (tenant_id, id, project_id, status, email)
       select tenants.id, n, 1 + n % 40, (array['open', 'done', 'late', 'new'])[1 + n / 40 % 4], 'User' || n || '@x'
       from generate_series(1, ${TASKS}) n, tenants;`,
  )
  await apply(database.owner, plain, 'online')
  await database.superuser('vacuum analyze')
}, 120_000)
afterAll(() => database.close())

const query = "select * from tasks where project_id = 7 and status = 'open'"

async function explain(text: string): Promise<string> {
  const { rows } = await database.as(tenant(3))(
    `explain (analyze, costs off, timing off, summary off) ${text}`,
  )
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

async function advise(given: TenancyOptions): Promise<readonly IndexAdvice[]> {
  const tenancy = defineTenancy(given)
  return adviseIndexes(tenancy, await readCatalogue(database.owner, tenancy))
}

const about = async (given: TenancyOptions, purpose: IndexAdvice['purpose']) =>
  (await advise(given)).filter(({ table, ...each }) => table.name === 'tasks' && each.purpose === purpose)

test('without the advice, a query by project and status reads rows that it throws away', async () => {
  const plan = await explain(query)
  expect(plan).toMatch(/Rows Removed by Filter: \d\d/)
  expect(plan).not.toMatch(/Index Cond: .*tenant_id.*project_id.*status/)
})

test('the index for a declared shape is led by the tenant, and names what it makes superfluous', async () => {
  expect(await about(options, 'query')).toEqual([
    {
      table: { schema: 'public', name: 'tasks' },
      purpose: 'query',
      columns: ['tenant_id', 'project_id', 'status'],
      reason:
        'Queries compare tenant_id, project_id, status together: an index of all of them reads only the rows that are asked for.',
      index: 'tenantry_tasks_tenant_id_project_id_status_idx',
      statement:
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS tenantry_tasks_tenant_id_project_id_status_idx ON public.tasks (tenant_id, project_id, status)',
      redundant: ['tasks_project_id'],
    },
  ])
})

test('without declared queries, the primary key serves the tenant', async () => {
  expect(await about(plain, 'tenant')).toMatchObject([
    { columns: ['tenant_id'], index: 'tasks_pkey', statement: null, redundant: [] },
  ])
})

test('an index on an expression, of an enum or of gin is not used below policies, and the advice says so', async () => {
  const unusable = await about(options, 'unusable')
  expect(unusable.map(({ index, columns }) => ({ index, columns }))).toEqual([
    { index: 'tasks_email', columns: [] },
    { index: 'tasks_tags', columns: ['tags'] },
    { index: 'tasks_urgency', columns: ['urgency'] },
  ])
  await database.superuser('set enable_seqscan = off')
  const asSuperuser = async (text: string) =>
    (await database.superuser(`explain (costs off) ${text}`)).rows.map((row) => row['QUERY PLAN']).join('\n')
  const lower = "select * from tasks where lower(email) = 'user5@x'"
  const tags = "select * from tasks where tags @> array['x']"
  const urgency = `select * from tasks where tenant_id = '${tenant(3)}' and urgency = 'high'`
  expect(await asSuperuser(lower)).toContain('tasks_email')
  expect(await asSuperuser(tags)).toContain('tasks_tags')
  expect(await asSuperuser(urgency)).toContain("urgency = 'high'::priority)")
  expect(await asSuperuser(urgency)).not.toContain('Filter')
  await database.superuser('reset enable_seqscan')
  for (const text of [lower, tags, urgency]) {
    expect(await explain(text)).toMatch(/Filter: /)
  }
  expect(await explain(lower)).not.toContain('tasks_email')
  expect(await explain(tags)).not.toContain('tasks_tags')

  const declared = await about(
    { ...plain, tables: { tasks: { kind: 'tenant', queries: [['urgency', 'status']] } } },
    'query',
  )
  expect(declared[0]?.reason).toContain('urgency (public.priority) only filters')
})

test('neither is one on an expression behind the tenant column; one on a generated column is', async () => {
  await database.owner('create index tenant_email on tasks (tenant_id, lower(email))')
  expect(await explain("select * from tasks where lower(email) = 'user5@x'")).toMatch(/Filter: \(lower/)
  await database.owner('alter table tasks add email_lower text generated always as (lower(email)) stored')
  await database.owner('create index on tasks (tenant_id, email_lower)')
  await database.superuser('analyze tasks')
  expect(await explain("select * from tasks where email_lower = 'user5@x'")).toMatch(
    /Index Cond: .*tenant_id.* AND \(email_lower = /,
  )
  await database.owner('drop index tenant_email; alter table tasks drop email_lower')
})

test('a foreign key whose rows cannot be found is named, once its index is gone', async () => {
  expect(await about(plain, 'foreign key')).toEqual([])
  await database.owner('drop index tasks_project_id')
  expect(await about(options, 'foreign key'), 'the index for the queries serves it').toEqual([])
  const found = await about(plain, 'foreign key')
  expect(found).toMatchObject([
    {
      columns: ['tenant_id', 'project_id'],
      reason: expect.stringContaining('tasks_project leads to public.projects'),
      statement:
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS tenantry_tasks_tenant_id_project_id_idx ON public.tasks (tenant_id, project_id)',
    },
  ])
  await database.owner('create index tasks_project_id on tasks (project_id)')
})

test('with the advice followed, the same query reads only what it returns', async () => {
  const [advice] = await about(options, 'query')
  await database.owner(advice?.statement ?? '')
  await database.superuser('analyze tasks')
  const plan = await explain(query)
  expect(plan).toMatch(/Index Cond: .*tenant_id = .* AND \(project_id = 7\) AND \(status = 'open'::text\)/)
  expect(plan).not.toContain('Rows Removed by Filter')
  expect(plan.match(/^ *InitPlan \d/gm)).toHaveLength(1)
  expect(await about(options, 'query')).toMatchObject([
    {
      index: 'tenantry_tasks_tenant_id_project_id_status_idx',
      statement: null,
      redundant: ['tasks_project_id'],
    },
  ])
})

test('a tenancy that does not fit is refused', async () => {
  expect(await refusal(advise({ tenantTable: 'missing' }))).toContain('does not fit')
})
