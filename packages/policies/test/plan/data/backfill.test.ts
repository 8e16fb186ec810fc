import { afterEach, expect, test } from 'vitest'
import type { Query } from '../../../src/query.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { applySteps, unitsOf } from '../../support/apply-steps.ts'
import { A, B, planFor, remaining, tenants } from './support/scenario.ts'

let database: OpenDatabase
afterEach(() => database.close())

const ROWS = 50_000

const model = { tables: { tasks: 'child' } } as const

async function manyTasks(): Promise<void> {
  database = await openDatabase(
    'backfill',
    `${tenants}
    CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants);
    CREATE TABLE tasks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects, title text);
    INSERT INTO projects VALUES (1, '${A}'), (2, '${B}');
    INSERT INTO tasks SELECT id, 1 + id % 2, repeat('x', 20) FROM generate_series(1, ${ROWS}) AS id;`,
  )
}

async function filled(query: Query): Promise<number> {
  const { rows } = await query('SELECT count(*)::int AS count FROM tasks WHERE tenant_id IS NOT NULL')
  return Number(rows[0]?.['count'])
}

/** Waits until `blocked` waits for `by`. */
async function untilBlocked(blocked: number, by: number): Promise<void> {
  for (;;) {
    const { rows } = await database.superuser('SELECT $2 = ANY (pg_blocking_pids($1)) AS waits', [
      blocked,
      by,
    ])
    if (rows[0]?.['waits'] === true) return
  }
}

async function pidOf(query: Query): Promise<number> {
  const { rows } = await query('SELECT pg_backend_pid() AS pid')
  return Number(rows[0]?.['pid'])
}

test('commits as it goes, beside an application that writes without the column, and goes on after a cut', async () => {
  await manyTasks()
  const plan = await planFor(database.owner, model, 'online')
  const position = plan.steps.findIndex(({ id }) => id === 'public.tasks: backfill tenant_id')
  const backfill = unitsOf(plan.steps.slice(position, position + 1)).flat()
  await applySteps(database.owner, { shape: 'online', steps: plan.steps.slice(0, position) })
  expect(await filled(database.superuser)).toBe(0)

  // Somebody holds a row near the end of the table: the backfill comes to it in the end and waits.
  const holder = await database.connect('owner')
  const application = await database.connect('owner')
  try {
    await holder.query('BEGIN')
    await holder.query(`SELECT FROM tasks WHERE id = ${ROWS} FOR UPDATE`)
    const pid = await pidOf(database.owner)
    const running = database.owner(backfill[0] ?? '')
    const failed = running.then(
      () => 'finished',
      (error: unknown) => (error as Error).message,
    )
    await untilBlocked(pid, await pidOf(holder.query))
    const part = await filled(database.superuser)
    expect(part).toBeGreaterThan(ROWS / 4)
    expect(part).toBeLessThan(ROWS)

    await application.query('INSERT INTO tasks (id, project_id) VALUES (-1, 2)')
    await application.query('UPDATE tasks SET project_id = 2 WHERE id = 2')
    await application.query("UPDATE tasks SET title = 'changed' WHERE id IN (3, 4)")
    const { rows } = await application.query(
      'SELECT id, tenant_id FROM tasks WHERE id IN (-1, 2, 3) ORDER BY id',
    )
    expect(rows).toEqual([
      { id: -1, tenant_id: B },
      { id: 2, tenant_id: B },
      { id: 3, tenant_id: B },
    ])

    await database.superuser('SELECT pg_cancel_backend($1)', [pid])
    expect(await failed).toContain('canceling statement')
    expect(await filled(database.superuser)).toBe(part + 1)
    await holder.query('COMMIT')
  } finally {
    await holder.end()
    await application.end()
  }

  await applySteps(database.owner, plan)
  const { rows } = await database.superuser(`
    SELECT count(*)::int AS wrong FROM tasks JOIN projects ON projects.id = project_id
    WHERE tasks.tenant_id IS DISTINCT FROM projects.tenant_id`)
  expect(rows).toEqual([{ wrong: 0 }])
  expect(await remaining(database.owner, model)).toEqual([])
})

test('reads each page once, by its place', async () => {
  await manyTasks()
  const plan = await planFor(database.owner, model, 'online')
  const position = plan.steps.findIndex(({ id }) => id === 'public.tasks: backfill tenant_id')
  await applySteps(database.owner, { shape: 'online', steps: plan.steps.slice(0, position) })
  await database.superuser('ANALYZE')
  const update =
    /UPDATE[^;]+/.exec(plan.steps[position]?.statements[0] ?? '')?.[0].replaceAll('page', '100') ?? ''
  const { rows } = await database.owner(`EXPLAIN ${update}`)
  const explained = rows.map((row) => String(row['QUERY PLAN'])).join('\n')
  expect(explained).toContain('Tid Range Scan on tasks')
  expect(explained).not.toContain('Seq Scan on tasks')
})

test('fails rather than leave rows behind, in both shapes', async () => {
  await manyTasks()
  await database.owner(
    'ALTER TABLE tasks ALTER project_id DROP NOT NULL; UPDATE tasks SET project_id = NULL WHERE id < 4',
  )
  for (const shape of ['online', 'offline'] as const) {
    const plan = await planFor(database.owner, model, shape)
    await expect(applySteps(database.owner, plan)).rejects.toThrow('3 rows of public.tasks lead to no tenant')
  }
})

test('does not take rows that FORCE hides for none', async () => {
  await manyTasks()
  for (const table of ['projects', 'tasks']) {
    await database.owner(
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
    )
  }
  const plan = await planFor(database.owner, model, 'offline')
  const steps = plan.steps.filter(({ id }) => !id.includes('lift force'))
  expect(steps.length).toBeLessThan(plan.steps.length)
  await expect(applySteps(database.owner, { shape: 'offline', steps })).rejects.toThrow(
    'row-level security policy for table "tasks"',
  )
  await applySteps(database.owner, plan)
  expect(await filled(database.superuser)).toBe(ROWS)
  expect(await remaining(database.owner, model)).toEqual([])
})

test('fills for a role that may not read the parent', async () => {
  await manyTasks()
  await database.owner('GRANT INSERT ON tasks TO tenantry_app')
  await expect(database.app('SELECT FROM projects')).rejects.toThrow('permission denied')
  const plan = await planFor(database.owner, model, 'online')
  const end = plan.steps.findIndex(({ phase }) => phase === 'protect')
  await applySteps(database.owner, { shape: 'online', steps: plan.steps.slice(0, end) })
  await database.app('INSERT INTO tasks (id, project_id) VALUES (-1, 2)')
  const { rows } = await database.superuser('SELECT tenant_id FROM tasks WHERE id = -1')
  expect(rows).toEqual([{ tenant_id: B }])
})
