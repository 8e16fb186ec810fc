import { afterAll, beforeAll, expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../../src/apply/apply-plan.ts'
import { defineTenancy, planTenancy, readCatalogue, type TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, catalogueFor, expectPlanned, expectRoundTrip, planFor, refusal } from './planning.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const options: TenancyOptions = {
  tenantTable: 'tenants',
  tables: { countries: 'shared', logins: 'excluded' },
}

const setup = `
  create table tenants (id uuid primary key);
  create table notes (tenant_id uuid not null references tenants, id integer, body text, primary key (tenant_id, id));
  create table countries (code text primary key);
  create table logins (id integer);
  insert into tenants values ('${A}'), ('${B}');
  insert into notes values ('${A}', 1, 'of A'), ('${B}', 1, 'of B');
  create view plain as select * from notes;
  create view over_view as select body from plain;
  create view with_barrier with (security_barrier = true) as select * from notes;
  create view explicit with (security_invoker = false) as select * from notes;
  create view mixed as select notes.*, logins.id as login from notes cross join logins;
  create view of_countries as select * from countries;
  create materialized view kept as select * from notes;
  create view over_kept as select * from kept;
  create materialized view kept_column as select * from notes;
  grant select (body) on kept_column to tenantry_app;
  grant all on plain, over_view, with_barrier, explicit, mixed, of_countries, kept, over_kept to tenantry_app, public;
  grant select on notes to tenantry_app;
`

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase('views', setup)
})
afterAll(() => database.close())

const count = async (relation: string) => (await database.as(A)(`select * from ${relation}`)).rows.length

test('policies on the tables alone leave every view open, and FORCE leaves those of a superuser and what is kept', async () => {
  const open = await openDatabase('views-open', setup)
  try {
    const plan = await planFor(open.owner, options)
    const steps = plan.steps.filter(({ id }) => / policies$|tenantry/.test(id))
    await applyPlan(open.owner, { ...plan, steps })
    const seen = async (relation: string) => (await open.as(A)(`select * from ${relation}`)).rows.length
    expect(await seen('notes')).toBe(1)
    for (const view of ['plain', 'over_view', 'with_barrier', 'explicit', 'kept', 'over_kept']) {
      expect(await seen(view), view).toBe(2)
    }
    expect((await open.as(A)('select body from kept_column')).rows).toHaveLength(2)
    await open.owner('alter table notes force row level security')
    await open.superuser(
      'create view of_superuser as select * from notes; grant select on of_superuser to public',
    )
    expect(await seen('plain')).toBe(0)
    expect(await seen('of_superuser')).toBe(2)
    expect(await seen('kept')).toBe(2)
    await open.owner('alter view over_view set (security_invoker = true)')
    await open.superuser('alter view plain owner to postgres')
    expect(await seen('over_view'), 'a view of the invoker over one of a superuser').toBe(2)
  } finally {
    await open.close()
  }
})

test('the plan can be applied, applied again and taken back', async () => {
  await expectRoundTrip(database.owner, options, 'online')
})

test('views read with the rights of their reader, views over views too', async () => {
  for (const view of ['notes', 'plain', 'over_view', 'with_barrier', 'explicit']) {
    expect(await count(view), view).toBe(1)
  }
  expect((await database.app('select * from over_view')).rows).toEqual([])
  expect(await refusal(database.as(A)(`insert into plain values ('${B}', 7, 'planted')`))).toContain(
    'row-level security',
  )
})

test('a materialised view is for nobody but its owner, and what reads it is refused', async () => {
  expect(await refusal(database.as(A)('select * from kept'))).toBe(
    'permission denied for materialized view kept',
  )
  expect(await refusal(database.as(A)('select * from over_kept'))).toBe(
    'permission denied for materialized view kept',
  )
  expect(await refusal(database.as(A)('select body from kept_column'))).toBe(
    'permission denied for materialized view kept_column',
  )
})

test('a view of shared tables is read and not written', async () => {
  expect(await count('of_countries')).toBe(0)
  expect(await refusal(database.as(A)("insert into of_countries values ('XX')"))).toBe(
    'permission denied for view of_countries',
  )
})

test('a view that also reads excluded tables gets no rights there, and a note', async () => {
  expect(await refusal(database.as(A)('select * from mixed'))).toBe('permission denied for table logins')
  const { notes } = await planFor(database.owner, options)
  expect(notes.filter(({ object }) => object === 'public.mixed')).toMatchObject([
    { effect: 'information', message: expect.stringContaining('public.logins') },
  ])
  expect(notes.filter(({ object }) => object === 'public.kept')).toMatchObject([
    { effect: 'information', message: expect.stringContaining('REFRESH') },
  ])
})

test('a view of a superuser is a hole that the owner of the tables cannot close, and is told', async () => {
  await database.superuser(
    'create view of_superuser as select * from notes; grant select on of_superuser to tenantry_app',
  )
  expect(await count('of_superuser')).toBe(2)

  await apply(database.owner, options)
  await expectPlanned(database.owner, options)
  const { notes } = await planFor(database.owner, options)
  const note = notes.find(({ object }) => object === 'public.of_superuser')
  expect(note).toMatchObject({
    effect: 'exposes',
    fix: 'ALTER VIEW public.of_superuser SET (security_invoker = true)',
  })

  await apply(database.superuser, options)
  expect(await count('of_superuser')).toBe(1)
  expect((await planFor(database.owner, options)).notes).not.toContainEqual(note)
  await database.superuser('drop view of_superuser')
})

test('before PostgreSQL 15 nobody but the owner reads a view of tables of tenants', async () => {
  const old = await openDatabase('views-old', setup)
  try {
    const tenancy = defineTenancy(options)
    const catalogue = await readCatalogue(old.owner, tenancy)
    const before = await catalogueFor(old.owner, options)
    const plan = planTenancy(tenancy, { ...catalogue, serverVersion: 140_012 })
    await applyPlan(old.owner, plan)
    for (const view of ['plain', 'over_view', 'with_barrier', 'mixed', 'over_kept']) {
      expect(await refusal(old.as(A)(`select * from ${view}`)), view).toBe(
        `permission denied for view ${view}`,
      )
    }
    expect((await old.as(A)('select * from of_countries')).rows).toEqual([])
    expect(plan.notes.find(({ object }) => object === 'public.plain')?.message).toContain('no rights on it')
    const planned = { ...(await readCatalogue(old.owner, tenancy)), serverVersion: 140_012 }
    expect(planTenancy(tenancy, planned).steps).toEqual([])
    await undoPlan(old.owner, plan)
    expect(await catalogueFor(old.owner, options)).toEqual(before)
  } finally {
    await old.close()
  }
})
