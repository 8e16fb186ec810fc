import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyPlan } from '../../src/apply/apply-plan.ts'
import type { PlanShape, TenancyOptions } from '../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { apply, expectPlanned, expectRoundTrip, planFor } from '../plan/access/planning.ts'

const setup = `
  create table tenants (id uuid primary key);
  create table keyless (tenant_id uuid not null references tenants, id integer);
  create table keyed (tenant_id uuid not null references tenants, id integer primary key);
  create table "Odd Table" (tenant_id uuid not null references tenants, "Project Id" integer, status text);
  create table partial (tenant_id uuid not null references tenants, id integer, gone boolean);
  create index on partial (tenant_id) where not gone;
  create index on partial using hash (tenant_id);
  create table events (tenant_id uuid not null references tenants, id integer, at date not null, kind text)
    partition by range (at);
  create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
  create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01')
    partition by list (kind);
  create table events_2026_rest partition of events_2026 default;
`
const options: TenancyOptions = {
  tenantTable: 'tenants',
  tables: {
    'Odd Table': {
      kind: 'tenant',
      queries: [['Project Id', 'status'], ['Project Id'], ['tenant_id', 'status']],
    },
    events: { kind: 'tenant', queries: [['at'], ['at']] },
  },
}

let database: OpenDatabase
beforeEach(async () => {
  database = await openDatabase('index-steps', setup)
})
afterEach(() => database.close())

async function indexes(): Promise<readonly string[]> {
  const { rows } = await database.superuser(
    `select replace(pg_get_indexdef(indexrelid), 'public.', '') as definition from pg_index
     join pg_class on pg_class.oid = indexrelid where relname like 'tenantry%' and not indisunique and indisvalid
     order by relname`,
  )
  return rows.map(({ definition }) => String(definition))
}

const made = [
  'CREATE INDEX "tenantry_Odd Table_tenant_id_Project Id_status_idx" ON "Odd Table" USING btree (tenant_id, "Project Id", status)',
  'CREATE INDEX "tenantry_Odd Table_tenant_id_status_idx" ON "Odd Table" USING btree (tenant_id, status)',
  'CREATE INDEX tenantry_events_2025_tenant_id_at_idx ON events_2025 USING btree (tenant_id, at)',
  'CREATE INDEX tenantry_events_2026_rest_tenant_id_at_idx ON events_2026_rest USING btree (tenant_id, at)',
  'CREATE INDEX tenantry_events_2026_tenant_id_at_idx ON ONLY events_2026 USING btree (tenant_id, at)',
  'CREATE INDEX tenantry_events_tenant_id_at_idx ON ONLY events USING btree (tenant_id, at)',
  'CREATE INDEX tenantry_keyless_tenant_id_idx ON keyless USING btree (tenant_id)',
  'CREATE INDEX tenantry_partial_tenant_id_idx ON partial USING btree (tenant_id)',
]

describe.each<PlanShape>(['offline', 'online'])('indexes of an %s plan', (shape) => {
  test('each table of tenants gets one led by the tenant, and one for each shape of its queries, unless a key is one', async () => {
    await expectRoundTrip(database.owner, options, shape)
    expect(await indexes()).toEqual(made)
  })

  test('an index or key that begins with the columns is enough, under whatever name', async () => {
    await database.owner(
      `create index mine on keyless (tenant_id, id desc) include (id);
       create index yours on "Odd Table" (tenant_id, "Project Id", status);
       create unique index theirs on events (tenant_id, at, id, kind)`,
    )
    await expectRoundTrip(database.owner, options, shape)
    expect(await indexes()).toEqual(
      made.filter((each) => /status_idx" ON .*tenant_id, status|partial/.test(each)),
    )
  })

  test('where partitions have such indexes of their own, only those without get one, and none is swallowed', async () => {
    await database.owner('create index mine on events_2025 (tenant_id, at)')
    await expectRoundTrip(database.owner, options, shape)
    expect((await indexes()).filter((each) => each.includes('events'))).toEqual([
      'CREATE INDEX tenantry_events_2026_rest_tenant_id_at_idx ON events_2026_rest USING btree (tenant_id, at)',
    ])
    expect((await database.superuser("select 'mine'::regclass")).rows).toHaveLength(1)
  })

  test('what a build left behind that was cut off is built again, by a new plan and by the same', async () => {
    const plan = await planFor(database.owner, options, shape)
    await database.owner('create index tenantry_keyless_tenant_id_idx on keyless (tenant_id)')
    await database.owner('create index tenantry_events_2025_tenant_id_at_idx on events_2025 (tenant_id, at)')
    const invalidate = () =>
      database.superuser(
        `update pg_index set indisvalid = false
         where indexrelid in ('tenantry_keyless_tenant_id_idx'::regclass, 'tenantry_events_2025_tenant_id_at_idx'::regclass)`,
      )
    await invalidate()
    expect((await planFor(database.owner, options)).steps.map(({ id }) => id)).toContain(
      'public.keyless: index (tenant_id)',
    )
    await applyPlan(database.owner, plan)
    expect(await indexes()).toEqual(made)
    await expectPlanned(database.owner, options)
  })

  test('a plan cut off after any statement of it is finished by the same and by a new one', async () => {
    const plan = await planFor(database.owner, options, shape)
    const events = plan.steps.find(({ id }) => id.startsWith('public.events: index'))
    for (const statement of events?.statements ?? []) {
      await database.owner(statement)
      const rest = await planFor(database.owner, options, shape)
      expect(rest.steps.filter(({ id }) => id.startsWith('public.events: index')).length).toBe(
        statement === events?.statements.at(-1) ? 0 : 1,
      )
    }
    await applyPlan(database.owner, plan)
    expect(await indexes()).toEqual(made)
  })
})

test('online, tables that are not partitioned are indexed without blocking writes', async () => {
  const { steps } = await planFor(database.owner, options, 'online')
  expect(steps.find(({ id }) => id === 'public.keyless: index (tenant_id)')).toMatchObject({
    phase: 'backfill',
    transaction: false,
    risk: { lock: { mode: 'SHARE UPDATE EXCLUSIVE', tables: ['public.keyless'] }, scans: true },
  })
})

test('a partition that is added later has its index with the whole', async () => {
  await apply(database.owner, options)
  await database.owner(
    "create table events_2027 partition of events for values from ('2027-01-01') to ('2028-01-01')",
  )
  const { steps } = await planFor(database.owner, options)
  expect(steps.filter(({ id }) => id.includes('index'))).toEqual([])
})
