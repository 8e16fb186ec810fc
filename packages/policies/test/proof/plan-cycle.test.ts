import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../src/apply/apply-plan.ts'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import type { Plan, PlanShape } from '../../src/plan/plan.ts'
import { children } from './schemas/children.ts'
import { existingApplication } from './schemas/existing-application.ts'
import { halfDone } from './schemas/half-done.ts'
import { keys } from './schemas/keys.ts'
import { mutual } from './schemas/mutual.ts'
import { names } from './schemas/names.ts'
import { newApplication } from './schemas/new-application.ts'
import { partitions } from './schemas/partitions.ts'
import type { ProofSchema } from './schemas/proof-schema.ts'
import { comparableCatalogue, planFor } from './support/catalogues.ts'
import { contentsOf } from './support/contents.ts'
import { dropping } from './support/cuts.ts'
import { copyOfTemplate, type DatabaseCopy, newDatabase } from './support/database-copy.ts'
import { runPlan, takeBack } from './support/run-plan.ts'

const schemas: Readonly<Record<string, ProofSchema>> = {
  existing: existingApplication,
  new: newApplication,
  children,
  partitions,
  names,
  mutual,
  keys,
  'half-done': halfDone,
}
const SHAPES: readonly PlanShape[] = ['offline', 'online']

for (const [template, { name, setup, tenancy }] of Object.entries(schemas)) {
  const ends = new Map<PlanShape, Catalogue>()

  describe.each(SHAPES)(`${name}, %s:`, (shape) => {
    let database: DatabaseCopy
    let before: Catalogue
    let plan: Plan

    beforeAll(async () => {
      database = await copyOfTemplate(`proof-cycle-${template}`, async (query) => {
        await query(setup)
      })
      before = await comparableCatalogue(database.owner, tenancy)
      plan = await planFor(database.owner, tenancy, shape)
    })
    afterAll(() => database.drop())

    test('the rows stand in no way', async () => {
      for (const check of plan.checks) {
        const { rows } = await database.superuser(check.sql)
        expect(rows, `${check.code} ${check.object}`).toEqual([expect.objectContaining({ count: '0' })])
      }
    })

    test('the plan takes the database to its tenancy, and then is empty', async () => {
      expect(plan.steps.length).toBeGreaterThan(0)
      await runPlan(database.owner, plan)
      ends.set(shape, await comparableCatalogue(database.owner, tenancy))
      for (const either of SHAPES) {
        const { steps } = await planFor(database.owner, tenancy, either)
        expect(steps.flatMap(({ statements }) => statements)).toEqual([])
      }
    })

    test('the same plan, run once more, changes nothing', async () => {
      const contents = await contentsOf(database.superuser)
      await runPlan(database.owner, plan)
      expect(await comparableCatalogue(database.owner, tenancy)).toEqual(ends.get(shape))
      expect(await contentsOf(database.superuser)).toEqual(contents)
    })

    test('undo restores the catalogue and the rows exactly', async () => {
      const fresh = await copyOfTemplate(`proof-cycle-${template}`, async () => {})
      try {
        const contents = await contentsOf(fresh.superuser)
        await runPlan(fresh.owner, plan)
        await takeBack(fresh.owner, plan)
        expect(await comparableCatalogue(fresh.owner, tenancy)).toEqual(before)
        expect(await contentsOf(fresh.superuser)).toEqual(contents)
      } finally {
        await fresh.drop()
      }
    })
  })

  test(`${name}: both shapes end in the same`, () => {
    expect(ends.get('offline')).toBeDefined()
    expect(ends.get('online')).toEqual(ends.get('offline'))
  })
}

test.each(SHAPES)('a planned database that has grown is planned again, under FORCE, %s', async (shape) => {
  const tenancy: TenancyOptions = { tenantTable: 'tenants', primaryKeys: 'keep', tables: { tasks: 'child' } }
  const database = await newDatabase(async (query) => {
    await query(`
      CREATE TABLE tenants (id uuid PRIMARY KEY);
      CREATE TABLE projects (id integer PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants);
      CREATE TABLE events (at date NOT NULL, tenant_id uuid NOT NULL) PARTITION BY RANGE (at);
      INSERT INTO tenants SELECT md5(letter)::uuid FROM unnest(ARRAY['a', 'b']) AS letter;
      INSERT INTO projects SELECT row_number() OVER (), id FROM tenants;`)
    await applyPlan(query, await planFor(query, { ...tenancy, tables: {} }, shape))
    await query(`
      CREATE TABLE tasks (id serial PRIMARY KEY, project_id integer NOT NULL REFERENCES projects, title text UNIQUE);
      INSERT INTO tasks (project_id) VALUES (1), (2), (2);
      CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      ALTER TABLE projects ADD COLUMN parent_id integer REFERENCES projects, ADD COLUMN code text UNIQUE;
      CREATE VIEW overview AS SELECT * FROM projects;
      GRANT ALL ON ALL TABLES IN SCHEMA public TO tenantry_app;`)
  })
  await dropping(database, async () => {
    const { owner, superuser } = database
    const before = await comparableCatalogue(owner, tenancy)
    const plan = await planFor(owner, tenancy, shape)
    await applyPlan(owner, plan)
    expect((await planFor(owner, tenancy, shape)).steps).toEqual([])
    const { rows } = await superuser(
      `SELECT count(*)::integer AS tasks, count(*) FILTER (WHERE tasks.tenant_id = projects.tenant_id)::integer AS right
       FROM tasks JOIN projects ON projects.id = project_id`,
    )
    expect(rows).toEqual([{ tasks: 3, right: 3 }])
    await undoPlan(owner, plan)
    expect(await comparableCatalogue(owner, tenancy)).toEqual(before)
  })
})
