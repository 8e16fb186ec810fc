import { afterEach, expect, test } from 'vitest'
import type { Plan } from '../../../src/plan/plan.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { applySteps, applyUnits, undoSteps, unitsOf } from '../../support/apply-steps.ts'
import { A, B, type Model, planFor, tenants } from './support/scenario.ts'

const C = 'c0000000-0000-0000-0000-000000000000'

let database: OpenDatabase
afterEach(() => database.close())

interface Answer {
  readonly code: string
  readonly object: string
  readonly count: string
  readonly examples: readonly string[]
}

/** What the checks find, past every policy. */
async function findings(plan: Plan): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const { code, object, sql } of plan.checks) {
    const { rows } = await database.superuser(sql)
    expect(rows).toHaveLength(1)
    const found = rows[0] as unknown as Pick<Answer, 'count' | 'examples'>
    if (found.count !== '0') answers.push({ code, object, ...found })
  }
  return answers
}

const setup = `
  CREATE TABLE tenants (id uuid PRIMARY KEY);
  CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid);
  CREATE TABLE tasks (
    id int PRIMARY KEY, project_id int REFERENCES projects, other_id int CONSTRAINT other REFERENCES projects,
    parent_id int CONSTRAINT parent REFERENCES tasks, loose_id int
  );
  ALTER TABLE tasks ADD CONSTRAINT loose FOREIGN KEY (loose_id) REFERENCES projects NOT VALID;
  CREATE TABLE comments (number int, task_id int REFERENCES tasks, at int, PRIMARY KEY (number, at));
  INSERT INTO tenants VALUES ('${A}'), ('${B}');
  INSERT INTO projects VALUES (1, '${A}'), (2, '${B}');
  INSERT INTO tasks VALUES (1, 1, 1, NULL), (2, 2, 2, NULL);
  INSERT INTO comments VALUES (1, 1, 1), (2, 2, 2);
`
const model: Model = { tables: { tasks: { kind: 'child', through: 'project_id' }, comments: 'child' } }

const wrong = `
  ALTER TABLE tasks DROP CONSTRAINT loose;
  INSERT INTO tasks VALUES (31, 1, NULL, NULL, 99);
  ALTER TABLE tasks ADD CONSTRAINT loose FOREIGN KEY (loose_id) REFERENCES projects NOT VALID;
  INSERT INTO projects VALUES (3, NULL), (4, '${C}');
  INSERT INTO tasks SELECT id, NULL FROM generate_series(11, 17) AS id;
  INSERT INTO tasks VALUES (21, 1, 2, NULL), (22, 1, NULL, 2);
  INSERT INTO comments VALUES (5, 11, 6), (6, NULL, 7);
`
const expected = [
  { code: 'TENANT_MISSING', object: 'public.projects', count: '1', examples: ['id = 3'] },
  {
    code: 'TENANT_UNKNOWN',
    object: 'public.tasks',
    count: '7',
    examples: ['id = 11', 'id = 12', 'id = 13', 'id = 14', 'id = 15'],
  },
  {
    code: 'TENANT_UNKNOWN',
    object: 'public.comments',
    count: '2',
    examples: ['number = 5, at = 6', 'number = 6, at = 7'],
  },
  { code: 'TENANT_UNKNOWN', object: 'public.projects', count: '1', examples: ['id = 4'] },
  { code: 'TENANTS_MIXED', object: 'public.tasks', count: '1', examples: ['id = 21'] },
  { code: 'TENANTS_MIXED', object: 'public.tasks', count: '1', examples: ['id = 22'] },
  { code: 'TENANTS_MIXED', object: 'public.tasks', count: '1', examples: ['id = 31'] },
]

test('finds every kind of row that stands in the way, and names some of each', async () => {
  database = await openDatabase('checks', setup)
  expect(await findings(await planFor(database.owner, model, 'offline'))).toEqual([])
  await database.owner(wrong)
  const plan = await planFor(database.owner, model, 'offline')
  expect(await findings(plan)).toHaveLength(expected.length)
  expect(await findings(plan)).toEqual(expect.arrayContaining(expected))
})

test('can be asked after any part of the plan was applied', async () => {
  database = await openDatabase('checks-cuts', setup)
  const plan = await planFor(database.owner, model, 'online')
  for (let cut = 0; cut <= unitsOf(plan.steps).length; cut += 1) {
    await applyUnits(database.owner, plan, cut)
    expect(await findings(plan)).toEqual([])
    expect(await findings(await planFor(database.owner, model, 'online'))).toEqual([])
    await undoSteps(database.owner, plan)
  }
  await database.owner(wrong)
  const add = plan.steps.findIndex(({ phase }) => phase === 'backfill')
  await applySteps(database.owner, { shape: 'online', steps: plan.steps.slice(0, add) })
  expect(await findings(plan)).toEqual(expect.arrayContaining(expected))
  expect(await findings(await planFor(database.owner, model, 'online'))).toEqual(
    expect.arrayContaining(expected),
  )
}, 300_000)

test('asks nothing of a database that is as the model says', async () => {
  database = await openDatabase('checks-done', setup)
  await applySteps(database.owner, await planFor(database.owner, model, 'offline'))
  expect((await planFor(database.owner, model, 'offline')).checks).toEqual([])
})

test('rows of two tenants that lead to each other fail the plan, even where FORCE hides them from who applies it', async () => {
  database = await openDatabase(
    'checks-forced',
    `${tenants}
    CREATE TABLE events (id int, at int, tenant_id uuid NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events DEFAULT;
    CREATE TABLE notes (id int PRIMARY KEY, tenant_id uuid NOT NULL, event int, at int, FOREIGN KEY (event, at) REFERENCES events);
    CREATE TABLE replies (id int PRIMARY KEY, tenant_id uuid NOT NULL, note int REFERENCES notes);
    INSERT INTO events VALUES (1, 1, '${A}');`,
  )
  const tables = ['events', 'events_1', 'notes', 'replies']
  for (const table of tables) {
    await database.owner(
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
    )
  }
  await database.superuser(`INSERT INTO notes VALUES (1, '${B}', 1, 1)`)
  for (const shape of ['offline', 'online'] as const) {
    const plan = await planFor(database.owner, {}, shape)
    await expect(applySteps(database.owner, plan)).rejects.toThrow('"tenantry_notes_event_at_fkey"')
    await undoSteps(database.owner, plan)
  }
  await database.superuser(`UPDATE notes SET tenant_id = '${A}'; INSERT INTO replies VALUES (1, '${B}', 1)`)
  for (const shape of ['offline', 'online'] as const) {
    const plan = await planFor(database.owner, {}, shape)
    await expect(applySteps(database.owner, plan)).rejects.toThrow('"tenantry_replies_note_fkey"')
    await undoSteps(database.owner, plan)
  }
})
