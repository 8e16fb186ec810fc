import { expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../src/apply/apply-plan.ts'
import { TenantryError } from '../../src/errors.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import type { Plan, PlanShape } from '../../src/plan/plan.ts'
import { HARD_CASE_TABLES, hardCases } from './schemas/hard-cases.ts'
import { answerTo, valueOf } from './support/answers.ts'
import { comparableCatalogue, planFor } from './support/catalogues.ts'
import { dropping } from './support/cuts.ts'
import { type DatabaseCopy, newDatabase } from './support/database-copy.ts'

/** The plan, if it was applied; undefined if it was refused before anything was changed. */
async function applied(
  { owner }: DatabaseCopy,
  options: TenancyOptions,
  shape: PlanShape,
): Promise<Plan | undefined> {
  try {
    const plan = await planFor(owner, options, shape)
    await applyPlan(owner, plan)
    return plan
  } catch (error) {
    const refused = ['TENANCY_DOES_NOT_FIT', 'PLAN_BLOCKED']
    if (TenantryError.isInstance(error) && refused.includes(error.code)) return undefined
    throw error
  }
}

const cases = Object.entries(hardCases).map(([name, hardCase], index) => ({
  name,
  hardCase,
  shape: index % 2 === 0 ? ('online' as const) : ('offline' as const),
}))

test.for(cases)(
  '$name: is planned and undone exactly, or refused before anything is changed',
  async ({ hardCase, shape }, { skip }) => {
    const { sql, superuser, tables = {}, since = 0 } = hardCase
    const options: TenancyOptions = { tenantTable: 'tenants', tables }
    const database = await newDatabase(async () => {})
    await dropping(database, async () => {
      const version = await valueOf(database.superuser, `SELECT current_setting('server_version_num')`)
      skip(Number(version) < since, `PostgreSQL has it from ${since} on, and this is ${String(version)}`)
      if (superuser !== undefined) await database.superuser(superuser)
      await database.owner(HARD_CASE_TABLES)
      await database.owner(sql)
      const before = await comparableCatalogue(database.owner, options)

      const plan = await applied(database, options, shape)
      const left = plan ? (await planFor(database.owner, options, shape)).steps : []
      expect(left.flatMap(({ statements }) => statements)).toEqual([])
      if (plan) {
        await applyPlan(database.owner, plan)
        await undoPlan(database.owner, plan)
      }
      expect(await comparableCatalogue(database.owner, options)).toEqual(before)
    })
  },
)

test.each(['offline', 'online'] as const)(
  'logical replication goes on after a plan, %s, and after its undo',
  async (shape) => {
    const database = await newDatabase(async (query) => {
      await query(HARD_CASE_TABLES)
      await query(`
        CREATE TABLE notes (id integer NOT NULL UNIQUE, tenant_id uuid NOT NULL REFERENCES tenants, body text);
        ALTER TABLE notes REPLICA IDENTITY USING INDEX notes_id_key;
        INSERT INTO notes SELECT id, tenant_id FROM projects;
        CREATE PUBLICATION changes FOR TABLE projects (id, name), TABLE notes`)
    })
    await dropping(database, async () => {
      const write = async (): Promise<readonly string[]> => [
        await answerTo(database.superuser, `UPDATE projects SET name = 'new'`),
        await answerTo(database.superuser, `UPDATE notes SET body = 'new'`),
      ]
      const plan = await applied(database, { tenantTable: 'tenants' }, shape)
      expect(await write()).toEqual(['done', 'done'])
      if (plan) await undoPlan(database.owner, plan)
      expect(await write(), 'undone').toEqual(['done', 'done'])
    })
  },
)

const TENANT = 'tenant_id uuid NOT NULL REFERENCES tenants'

interface Identity {
  readonly sql: string
  readonly reason: string
  readonly tables?: TenancyOptions['tables']
}

/** What logical replication tells rows apart by, where a plan cannot put a key with the tenant in its place. */
const identities: Readonly<Record<string, Identity>> = {
  'a key of a partition': {
    sql: `CREATE TABLE events (id integer PRIMARY KEY, ${TENANT}, name text) PARTITION BY LIST (id);
      CREATE TABLE events_all PARTITION OF events DEFAULT;
      ALTER TABLE events_all REPLICA IDENTITY USING INDEX events_all_pkey;
      INSERT INTO events SELECT id, tenant_id FROM projects; CREATE PUBLICATION changes FOR TABLE events`,
    reason: 'logical replication tells rows of public.events_all apart by it',
  },
  'a key of a partition that is published in part': {
    sql: `CREATE TABLE events (id integer PRIMARY KEY, ${TENANT}, name text) PARTITION BY LIST (id);
      CREATE TABLE events_all PARTITION OF events DEFAULT;
      INSERT INTO events SELECT id, tenant_id FROM projects;
      CREATE PUBLICATION changes FOR TABLE events_all (id, name)`,
    reason: 'logical replication tells rows apart by it, and changes does not publish tenant_id',
  },
  'a unique index, published in part': {
    sql: `CREATE TABLE events (id integer NOT NULL, ${TENANT}, name text); CREATE UNIQUE INDEX by_id ON events (id);
      ALTER TABLE events REPLICA IDENTITY USING INDEX by_id;
      INSERT INTO events SELECT id, tenant_id FROM projects; CREATE PUBLICATION changes FOR TABLE events (id, name)`,
    reason: 'logical replication tells rows apart by it, and changes does not publish tenant_id',
  },
  'a unique index of shared rows': {
    sql: `CREATE TABLE events (id integer NOT NULL UNIQUE, tenant_id uuid REFERENCES tenants, name text);
      ALTER TABLE events REPLICA IDENTITY USING INDEX events_id_key;
      INSERT INTO events SELECT id, NULL FROM projects; CREATE PUBLICATION changes FOR TABLE events`,
    reason: 'shared rows have no tenant, which a primary key or a replica identity would need',
    tables: { events: 'shared+tenant' },
  },
}

const identityCases = Object.entries(identities).flatMap(([name, each]) =>
  (['offline', 'online'] as const).map((shape) => ({ name, shape, ...each })),
)

test.for(identityCases)(
  '$name that logical replication needs stays, with a note, $shape',
  async ({ sql, reason, shape, tables = {} }, { skip }) => {
    const database = await newDatabase(async (query) => {
      await query(HARD_CASE_TABLES)
    })
    await dropping(database, async () => {
      const version = Number(
        await valueOf(database.superuser, `SELECT current_setting('server_version_num')`),
      )
      skip(version < 150_000 && reason.includes('publish'), 'column lists came with PostgreSQL 15')
      await database.owner(sql)
      const options: TenancyOptions = { tenantTable: 'tenants', tables }
      const before = await comparableCatalogue(database.owner, options)
      const update = (): Promise<string> => answerTo(database.superuser, `UPDATE events SET name = 'new'`)

      const plan = await planFor(database.owner, options, shape)
      const [note] = plan.notes.filter(
        ({ object, effect }) => object === 'public.events' && effect === 'exposes',
      )
      expect(note?.message).toContain(reason)
      await applyPlan(database.owner, plan)
      expect(await update()).toBe('done')
      expect((await planFor(database.owner, options, shape)).steps).toEqual([])
      await undoPlan(database.owner, plan)
      expect(await update(), 'undone').toBe('done')
      expect(await comparableCatalogue(database.owner, options)).toEqual(before)
    })
  },
)

test.each(['offline', 'online'] as const)(
  'a key that others need stays, %s: a note names them, and foreign keys carry the tenant all the same',
  async (shape) => {
    const database = await newDatabase(async (query) => {
      await query(HARD_CASE_TABLES)
      await query(`
        CREATE SCHEMA billing;
        CREATE TABLE billing.lines (project_id integer CONSTRAINT billed REFERENCES public.projects);
        CREATE VIEW totals AS SELECT projects.*, count(*) FROM projects GROUP BY projects.id;
        CREATE FUNCTION add() RETURNS void LANGUAGE sql BEGIN ATOMIC
          INSERT INTO projects (id, name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT projects_pkey DO NOTHING; END;
        CREATE TABLE tasks (id integer PRIMARY KEY, ${TENANT}, project_id integer REFERENCES projects);
        INSERT INTO tasks SELECT id, tenant_id, id FROM projects`)
    })
    await dropping(database, async () => {
      const options: TenancyOptions = { tenantTable: 'tenants' }
      const before = await comparableCatalogue(database.owner, options)
      const leading = `INSERT INTO tasks SELECT 3, tasks.tenant_id, projects.id FROM tasks, projects
        WHERE tasks.tenant_id <> projects.tenant_id LIMIT 1`
      expect(await answerTo(database.superuser, `BEGIN; ${leading}; ROLLBACK`)).toBe('done')

      const plan = await planFor(database.owner, options, shape)
      const notes = plan.notes.filter(({ message }) => message.startsWith('projects_pkey '))
      expect(notes).toMatchObject([{ object: 'public.projects', effect: 'exposes' }])
      expect(notes[0]?.message).toContain(
        '(billing.lines: billed; function public.add(); view public.totals)',
      )
      await applyPlan(database.owner, plan)
      expect(await answerTo(database.superuser, leading)).toBe('23503')
      expect((await planFor(database.owner, options, shape)).steps).toEqual([])
      await undoPlan(database.owner, plan)
      expect(await comparableCatalogue(database.owner, options)).toEqual(before)
    })
  },
)
