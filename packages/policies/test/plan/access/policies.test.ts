import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlanShape, TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, expectPlanned, expectRoundTrip, planFor, refusal } from './planning.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'

const setup = `
  create table tenants (id uuid primary key, name text not null);
  create table notes (
    tenant_id uuid not null references tenants, id integer, body text not null, primary key (tenant_id, id)
  );
  create table events (
    tenant_id uuid not null references tenants, id integer, at date not null, kind text not null default 'any',
    body text not null, primary key (tenant_id, id, at, kind)
  ) partition by range (at);
  create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
  create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01')
    partition by list (kind);
  create table events_2026_rest partition of events_2026 default;
  insert into tenants values ('${A}', 'A'), ('${B}', 'B');
  insert into notes values ('${A}', 1, 'of A'), ('${B}', 1, 'of B');
  insert into events (tenant_id, id, at, body)
    values ('${A}', 1, '2025-05-05', 'of A'), ('${B}', 1, '2025-05-05', 'of B'), ('${B}', 2, '2026-05-05', 'of B');
  grant all on all tables in schema public to tenantry_app, public;
`
const options: TenancyOptions = { tenantTable: 'tenants', roles: { system: 'tenantry_system' } }

describe.each<PlanShape>(['offline', 'online'])('policies of an %s plan', (shape) => {
  let database: OpenDatabase
  beforeAll(async () => {
    database = await openDatabase(`policies-${shape}`, setup)
  })
  afterAll(() => database.close())

  const asA = (text: string) => database.as(A)(text)
  const rowsOf = async (text: string) => (await asA(text)).rows
  const bodiesOf = async (table: string) =>
    (await database.superuser(`select body from ${table} order by tenant_id, id`)).rows.map(
      ({ body }) => body,
    )

  test('before it, a tenant does to the rows of others as it likes', async () => {
    expect(await rowsOf('select * from notes')).toHaveLength(2)
    expect(await rowsOf('select * from events_2025')).toHaveLength(2)
    expect(await rowsOf('select * from events_2026_rest')).toHaveLength(1)
    expect(
      await rowsOf(`update notes set tenant_id = '${B}', id = 7 where tenant_id = '${A}' returning id`),
    ).toHaveLength(1)
    expect(
      await rowsOf(`update notes set tenant_id = '${A}', id = 1 where id = 7 returning id`),
    ).toHaveLength(1)
    expect(await rowsOf("update notes set body = 'seen' returning id")).toHaveLength(2)
    await asA(`insert into events_2025 (tenant_id, id, at, body) values ('${B}', 9, '2025-06-06', 'planted')`)
    await asA('begin; truncate events; rollback; begin')
    await database.owner("update notes set body = 'of A' where tenant_id = $1", [A])
    await database.owner("update notes set body = 'of B' where tenant_id = $1", [B])
    await database.owner('delete from events where id = 9')
  })

  test('it is taken back to exactly what was there, and is empty when applied', async () => {
    const plan = await expectRoundTrip(database.owner, options, shape)
    expect(plan.steps.filter(({ id }) => id.endsWith(': policies'))).toHaveLength(6)
  })

  test('row level security is switched on after the policies and before rights are granted, and forced last', async () => {
    const { rows } = await database.superuser(
      'select count(*)::integer as forced from pg_class where relrowsecurity and relforcerowsecurity',
    )
    expect(rows).toEqual([{ forced: 6 }])
    const fresh = await openDatabase('policies-order', setup)
    const { steps } = await planFor(fresh.owner, options, shape)
    await fresh.close()
    const at = (id: string) => steps.findIndex((step) => step.id === id)
    expect(at('public.notes: policies')).toBeLessThan(at('public.notes: grants'))
    expect(at('public.notes: grants')).toBeLessThan(at('public.notes: force'))
    expect(steps[at('public.notes: policies')]?.statements.at(-1)).toBe(
      'ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY',
    )
    expect(steps[at('public.notes: force')]?.phase).toBe('contract')
  })

  test('a tenant sees its own rows, in whatever way it asks', async () => {
    expect(await rowsOf('select body from notes')).toEqual([{ body: 'of A' }])
    expect(await rowsOf('select body from events')).toEqual([{ body: 'of A' }])
    expect(await rowsOf(`select * from notes where tenant_id = '${B}'`)).toEqual([])
    expect(await rowsOf('select name from tenants')).toEqual([{ name: 'A' }])
  })

  test('a partition addressed directly is refused, and shows nothing to whoever has rights on it', async () => {
    expect(await refusal(asA('select * from events_2025'))).toBe('permission denied for table events_2025')
    await database.owner('grant select, insert on events_2025, events_2026, events_2026_rest to tenantry_app')
    expect(await rowsOf('select body from events_2025')).toEqual([{ body: 'of A' }])
    expect(await rowsOf('select * from events_2026')).toEqual([])
    expect(await rowsOf('select * from events_2026_rest')).toEqual([])
    expect(
      await refusal(
        asA(`insert into events_2025 (tenant_id, id, at, body) values ('${B}', 9, '2025-06-06', 'planted')`),
      ),
    ).toContain('violates row-level security policy')
    await apply(database.owner, options, shape)
    expect(await refusal(asA('select * from events_2025'))).toBe('permission denied for table events_2025')
  })

  test('rows cannot be planted with another tenant, given to it, or taken from it', async () => {
    expect(await refusal(asA(`insert into notes values ('${B}', 9, 'planted')`))).toContain(
      'row-level security',
    )
    expect(await refusal(asA(`update notes set tenant_id = '${B}'`))).toContain('row-level security')
    expect(await rowsOf(`update notes set body = 'taken' where tenant_id = '${B}' returning id`)).toEqual([])
    expect(
      await refusal(
        asA(
          `insert into notes values ('${B}', 1, 'taken') on conflict (tenant_id, id) do update set body = 'taken'`,
        ),
      ),
    ).toContain('row-level security')
    expect(await bodiesOf('notes')).toEqual(['of A', 'of B'])
  })

  test('an UPDATE or DELETE without a WHERE reaches the rows of one tenant', async () => {
    expect(await rowsOf("update notes set body = 'all' returning id")).toHaveLength(1)
    expect(await rowsOf('delete from events returning id')).toHaveLength(1)
    expect(await bodiesOf('notes')).toEqual(['all', 'of B'])
    expect(await bodiesOf('events')).toEqual(['of B', 'of B'])
  })

  test('TRUNCATE is refused', async () => {
    expect(await refusal(asA('truncate notes'))).toBe('permission denied for table notes')
    expect(await refusal(asA('truncate tenants cascade'))).toContain('permission denied')
  })

  test('an INSERT need not name the tenant', async () => {
    await asA("insert into notes (id, body) values (5, 'unnamed')")
    expect(await rowsOf('select tenant_id from notes where id = 5')).toEqual([{ tenant_id: A }])
    await asA('delete from notes where id = 5')
  })

  test('without a tenant there is no row, before and after a connection had one', async () => {
    const fresh = await database.connect('app')
    expect((await fresh.query('select * from notes')).rows).toEqual([])
    await fresh.query(`begin; select set_config('app.current_tenant_id', '${A}', true); commit`)
    expect((await fresh.query('select * from notes')).rows).toEqual([])
    expect((await fresh.query("update notes set body = 'none' returning id")).rows).toEqual([])
    expect(await refusal(fresh.query(`insert into notes (id, body) values (8, 'none')`))).toContain(
      'row-level security',
    )
    await fresh.end()
  })

  test('a permissive policy that somebody adds later widens nothing', async () => {
    await database.owner('create policy oops on notes using (true) with check (true)')
    expect(await rowsOf('select distinct tenant_id from notes')).toEqual([{ tenant_id: A }])
    expect(await refusal(asA(`insert into notes values ('${B}', 9, 'planted')`))).toContain(
      'row-level security',
    )
    expect((await database.app('select * from notes')).rows).toEqual([])
    await expectPlanned(database.owner, options)
    await database.owner('drop policy oops on notes')
  })

  test('the owner is held back too, and the system role is not', async () => {
    expect((await database.owner('select * from notes')).rows).toEqual([])
    expect((await database.system('select distinct tenant_id from notes')).rows).toHaveLength(2)
  })
})

describe('policies that are not as they shall be', () => {
  let database: OpenDatabase
  beforeAll(async () => {
    database = await openDatabase('policies-changed', setup)
    await apply(database.owner, options)
  })
  afterAll(() => database.close())

  test('a policy of ours with other content is replaced in one transaction, and brought back by undoing it', async () => {
    await database.owner('alter policy tenantry_floor on notes using (true) with check (true)')
    await database.owner('drop policy tenantry_allow on notes')
    await database.owner('create policy tenantry_allow on notes for select to tenantry_app using (true)')
    expect((await database.as(A)('select * from notes')).rows).toHaveLength(2)

    const plan = await expectRoundTrip(database.owner, options, 'online')
    expect(plan.steps.map(({ id, transaction }) => ({ id, transaction }))).toEqual([
      { id: 'public.notes: policies', transaction: true },
    ])
    expect((await database.as(A)('select * from notes')).rows).toHaveLength(1)
  })

  test('a policy of another command, role or kind is not ours', async () => {
    for (const wrong of [
      'alter policy tenantry_allow on notes to tenantry_system',
      'drop policy tenantry_floor on notes',
      'alter policy tenantry_floor on notes to tenantry_app',
      'alter table notes disable row level security',
      'alter table notes no force row level security',
    ]) {
      await database.owner(wrong)
      const { steps } = await planFor(database.owner, options)
      expect(steps.length, wrong).toBe(1)
      await apply(database.owner, options)
      await expectPlanned(database.owner, options)
    }
  })

  test('a new partition is a gap until the next plan, which closes it', async () => {
    await database.owner(
      "create table events_2027 partition of events for values from ('2027-01-01') to ('2028-01-01')",
    )
    const plan = await expectRoundTrip(database.owner, options)
    expect(plan.steps.map(({ id }) => id)).toEqual([
      'public.events_2027: policies',
      'public.events_2027: force',
    ])
  })

  test('a table that becomes shared loses our policies, and only ours', async () => {
    await database.owner('create table plans (tenant_id uuid not null references tenants, id integer)')
    await apply(database.owner, options)
    await database.owner('create policy mine on notes using (true)')
    const shared: TenancyOptions = { ...options, tables: { plans: 'shared', notes: 'shared' } }
    const plan = await expectRoundTrip(database.owner, shared)
    expect(plan.steps.map(({ id }) => id)).toContain('public.plans: no policies')
    const { rows } = await database.superuser(
      `select relname, relrowsecurity, relforcerowsecurity, (select array_agg(polname::text) from pg_policy where polrelid = pg_class.oid) as policies
       from pg_class where relname in ('notes', 'plans') order by 1`,
    )
    expect(rows).toEqual([
      { relname: 'notes', relrowsecurity: true, relforcerowsecurity: true, policies: ['mine'] },
      { relname: 'plans', relrowsecurity: false, relforcerowsecurity: false, policies: null },
    ])
  })
})
