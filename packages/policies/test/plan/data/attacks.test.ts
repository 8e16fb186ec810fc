import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PlanShape } from '../../../src/plan/plan.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { applySteps } from '../../support/apply-steps.ts'
import { A, B, type Model, planFor } from './support/scenario.ts'

// Row level security as it should be, and keys as they mostly are: nothing but the keys is attacked.
const own = "tenant_id = (SELECT nullif(current_setting('app.current_tenant_id', true), '')::uuid)"
const setup = `
  CREATE TABLE tenants (id uuid PRIMARY KEY);
  CREATE TABLE projects (
    id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, slug text CONSTRAINT slug UNIQUE, secret text
  );
  CREATE TABLE reviewers (id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants);
  CREATE TABLE tasks (
    id int PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants,
    project_id int CONSTRAINT project REFERENCES projects ON DELETE CASCADE,
    reviewed_id int CONSTRAINT reviewed REFERENCES reviewers ON DELETE SET NULL
  );
  INSERT INTO tenants VALUES ('${A}'), ('${B}');
  INSERT INTO projects VALUES (1, '${A}', 'one', 'a'), (2, '${B}', 'two', 'hunter2');
  ALTER TABLE projects ENABLE ROW LEVEL SECURITY; ALTER TABLE projects FORCE ROW LEVEL SECURITY;
  ALTER TABLE tasks ENABLE ROW LEVEL SECURITY; ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON projects USING (${own}) WITH CHECK (${own});
  ALTER TABLE reviewers ENABLE ROW LEVEL SECURITY; ALTER TABLE reviewers FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON reviewers USING (${own}) WITH CHECK (${own});
  CREATE POLICY own ON tasks USING (${own}) WITH CHECK (${own});
  GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks, reviewers TO tenantry_app;
`
const model: Model = {}

let database: OpenDatabase
beforeEach(async () => {
  database = await openDatabase('attacks', setup)
})
afterEach(() => database.close())

async function plan(shape: PlanShape): Promise<void> {
  await applySteps(database.owner, await planFor(database.owner, model, shape))
}

async function count(table: string): Promise<number> {
  return Number((await database.superuser(`SELECT count(*)::int AS count FROM ${table}`)).rows[0]?.['count'])
}

describe.each(['offline', 'online'] as const)('%s', (shape) => {
  test("a row cannot lead to another tenant's row, nor tell whether there is one", async () => {
    const insert = (id: number, project: number): Promise<unknown> =>
      database.as(A)(`INSERT INTO tasks VALUES (${id}, '${A}', ${project})`)
    await insert(1, 2)
    await expect(insert(2, 99)).rejects.toThrow('foreign key')
    await database.superuser('DELETE FROM tasks')
    await plan(shape)
    const error = (project: number): Promise<string> =>
      insert(3, project).then(String, (caught: Error) => caught.message)
    expect(await error(2)).toBe(await error(99))
    await insert(4, 1)
  })

  test("a tenant that deletes its row cannot delete another's with it", async () => {
    await database.superuser(`INSERT INTO tasks VALUES (1, '${A}', 2)`)
    await database.as(B)('DELETE FROM projects WHERE id = 2')
    expect(await count('tasks')).toBe(0)
    await database.superuser(`INSERT INTO projects VALUES (2, '${B}')`)
    await plan(shape)
    await expect(database.superuser(`INSERT INTO tasks VALUES (1, '${A}', 2)`)).rejects.toThrow('foreign key')
    await database.superuser(`INSERT INTO tasks VALUES (1, '${A}', 1)`)
    await database.as(B)('DELETE FROM projects')
    expect(await count('tasks')).toBe(1)
  })

  test('deleting clears the reference and leaves the tenant', async () => {
    await plan(shape)
    await database.superuser(`INSERT INTO reviewers VALUES (1, '${A}'), (2, '${B}')`)
    await database.superuser(`INSERT INTO tasks VALUES (1, '${A}', NULL, 1)`)
    await expect(database.superuser(`INSERT INTO tasks VALUES (2, '${A}', NULL, 2)`)).rejects.toThrow(
      'foreign key',
    )
    await database.as(A)('DELETE FROM reviewers')
    const { rows } = await database.superuser('SELECT tenant_id, reviewed_id FROM tasks')
    expect(rows).toEqual([{ tenant_id: A, reviewed_id: null }])
  })

  test('a unique value does not tell that another tenant has it', async () => {
    const insert = (id: number, slug: string): Promise<unknown> =>
      database.as(A)(`INSERT INTO projects VALUES (${id}, '${A}', '${slug}')`)
    await expect(insert(3, 'two')).rejects.toThrow('duplicate key')
    await expect(insert(2, 'free')).rejects.toThrow('duplicate key')
    await plan(shape)
    await insert(3, 'two')
    await insert(2, 'free')
    await expect(insert(4, 'two')).rejects.toThrow('duplicate key')
    await expect(insert(2, 'other')).rejects.toThrow('duplicate key')
  })

  test('an upsert does not read the row that another tenant hides', async () => {
    await database.superuser(
      'CREATE FUNCTION public.seen(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION $e$saw %$e$, $1; END $$',
    )
    const upsert = (target: string): Promise<unknown> =>
      database.as(A)(`INSERT INTO projects VALUES (2, '${A}', 'x', 'y')
        ON CONFLICT (${target}) DO UPDATE SET secret = 'z' WHERE public.seen(projects.secret)`)
    await expect(upsert('id')).rejects.toThrow('saw hunter2')
    await plan(shape)
    await expect(upsert('id')).rejects.toThrow('no unique or exclusion constraint')
    await upsert('tenant_id, id')
    await expect(upsert('tenant_id, id')).rejects.toThrow('saw y')
  })
})
