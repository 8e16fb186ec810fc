import { afterEach, expect, test } from 'vitest'
import { applySteps, undoSteps } from '../../support/apply-steps.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { A, B, catalogueOf, planFor, proveCuts, remaining, tenants } from './support/scenario.ts'

let database: OpenDatabase
afterEach(() => database.close())

const projects = `
  ${tenants}
  CREATE TABLE projects (
    id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, slug text NOT NULL UNIQUE, name text
  );
  CREATE TABLE tasks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects ON DELETE CASCADE, title text);
  INSERT INTO projects VALUES (1, '${A}', 'one'), (2, '${B}', 'two');
  INSERT INTO tasks VALUES (1, 1), (2, 2), (3, 2);
`

const model = { tables: { tasks: 'child' } } as const

test('a plan that is cut after any statement ends the same, with the same plan or a new one', async () => {
  database = await openDatabase('child-cuts', projects)
  const cuts = await proveCuts(database.owner, model)
  expect(cuts.length).toBeGreaterThan(30)
}, 300_000)

test.each(['the same plan', 'a new plan'])(
  'an index that was cut off while it was built does not stay: %s',
  async (who) => {
    database = await openDatabase('cut-index', projects)
    const plan = await planFor(database.owner, model, 'online')
    const position = plan.steps.findIndex(({ id }) => id === 'public.projects: index tenantry_projects_pkey')
    await applySteps(database.owner, { shape: 'online', steps: plan.steps.slice(0, position) })

    // The build waits for a transaction that is older than it, and is cancelled there.
    const holder = await database.connect('owner')
    try {
      await holder.query('BEGIN')
      await holder.query('INSERT INTO projects VALUES (9, $1, $2)', [A, 'nine'])
      const built = applySteps(database.owner, {
        shape: 'online',
        steps: plan.steps.slice(position, position + 1),
      })
      const failed = built.then(String, (error: Error) => error.message)
      for (let cancelled = false; !cancelled;) {
        const { rows } = await database.superuser(`
        SELECT pg_cancel_backend(pid) AS cancelled FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'`)
        cancelled = rows[0]?.['cancelled'] === true
      }
      expect(await failed).toContain('canceling statement')
      await holder.query('COMMIT')
    } finally {
      await holder.end()
    }
    const cut = await catalogueOf(database.owner, model)
    const left = cut.tables.flatMap(({ indexes }) => indexes).filter(({ valid }) => !valid)
    expect(left.map(({ name }) => name)).toEqual(['tenantry_projects_pkey'])

    const rest = who === 'the same plan' ? plan : await planFor(database.owner, model, 'online')
    await applySteps(database.owner, rest)
    expect(await remaining(database.owner, model)).toEqual([])
    const end = await catalogueOf(database.owner, model)
    expect(end.tables.flatMap(({ indexes }) => indexes).filter(({ valid }) => !valid)).toEqual([])
    await undoSteps(database.owner, plan)
    expect(await catalogueOf(database.owner, model)).toEqual(plan.tenancy.catalogue)
  },
)

test('logical replication goes on telling rows apart by the key that takes the place of its own', async () => {
  database = await openDatabase(
    'replica-identity',
    `${tenants}
    CREATE TABLE replicated (id int PRIMARY KEY, tenant_id uuid NOT NULL, code text NOT NULL);
    CREATE UNIQUE INDEX replicated_code ON replicated (code);
    ALTER TABLE replicated REPLICA IDENTITY USING INDEX replicated_code`,
  )
  const identity = async (): Promise<unknown> =>
    (
      await database.superuser(
        `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indisreplident AND indrelid = 'replicated'::regclass`,
      )
    ).rows
  const plan = await planFor(database.owner, {}, 'online')
  await applySteps(database.owner, plan)
  expect(await identity()).toEqual([{ name: 'tenantry_replicated_code' }])
  await undoSteps(database.owner, plan)
  expect(await identity()).toEqual([{ name: 'replicated_code' }])
})
