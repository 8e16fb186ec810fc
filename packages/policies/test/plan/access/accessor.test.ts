import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, expectPlanned, expectRoundTrip, planFor } from './planning.ts'

const options: TenancyOptions = { tenantTable: 'tenants' }

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase(
    'accessor',
    `create table tenants (id bigint primary key);
     create table notes (tenant_id bigint not null references tenants, id integer, primary key (tenant_id, id))`,
  )
})
afterAll(() => database.close())

const tenant = async (value: string) => {
  const { rows } = await database.as(value)('select tenantry.tenant_id() as tenant')
  return rows[0]?.['tenant']
}

test('it gives the tenant of the transaction, and NULL afterwards and without one', async () => {
  await expectRoundTrip(database.owner, options)
  expect(await tenant('7')).toBe('7')
  expect((await database.app('select tenantry.tenant_id() as tenant')).rows).toEqual([{ tenant: null }])
})

test.each([
  ['volatile', 'alter function tenantry.tenant_id() volatile'],
  ['not parallel safe', 'alter function tenantry.tenant_id() parallel unsafe'],
  ['SECURITY DEFINER', 'alter function tenantry.tenant_id() security definer'],
  ['with a setting', 'alter function tenantry.tenant_id() set search_path = pg_catalog, pg_temp'],
  [
    'with a setting that needs quotes',
    "alter function tenantry.tenant_id() set application_name = 'it''s, me'",
  ],
  [
    'of another body',
    'create or replace function tenantry.tenant_id() returns bigint language sql stable parallel safe return 1',
  ],
  [
    'with a body as a string',
    `create or replace function tenantry.tenant_id() returns bigint language sql stable parallel safe as 'select $$x$$::text::bigint'`,
  ],
  [
    'in another language',
    `create or replace function tenantry.tenant_id() returns bigint language plpgsql stable parallel safe as $body$
     begin return 1; -- $$
     end $body$`,
  ],
])('one that is %s is replaced, and comes back when the plan is undone', async (_what, change) => {
  await database.owner(`set check_function_bodies = off; ${change}`)
  const plan = await expectRoundTrip(database.owner, options, 'online')
  expect(plan.steps.map(({ id }) => id)).toEqual(['tenantry.tenant_id(): replace'])
  expect(await tenant('7')).toBe('7')
})

test('one of another type is replaced although defaults call it, with the rights on it', async () => {
  const other = await openDatabase(
    'accessor-type',
    `create table tenants (id uuid primary key);
     create table notes (tenant_id uuid not null references tenants, id integer, primary key (tenant_id, id));
     create schema tenantry;
     create function tenantry.tenant_id() returns text language sql stable
       return current_setting('app.current_tenant_id', true);
     alter table notes add label text default tenantry.tenant_id();
     grant execute on function tenantry.tenant_id() to tenantry_system with grant option`,
  )
  try {
    const own: TenancyOptions = { tenantTable: 'tenants' }
    const plan = await planFor(other.owner, own)
    const replace = plan.steps.find(({ id }) => id === 'tenantry.tenant_id(): replace')
    expect(replace?.statements).toContainEqual(expect.stringContaining('DROP FUNCTION tenantry.tenant_id()'))
    await other.owner('alter table notes alter label drop default')
    await expectRoundTrip(other.owner, own)
    const { rows } = await other.superuser(
      `select has_function_privilege('tenantry_system', 'tenantry.tenant_id()', 'execute with grant option') as system,
              has_function_privilege('public', 'tenantry.tenant_id()', 'execute') as everybody`,
    )
    expect(rows).toEqual([{ system: true, everybody: false }])
  } finally {
    await other.close()
  }
})

test('a tenancy whose setting changes is followed by function and policies', async () => {
  const renamed: TenancyOptions = { ...options, setting: 'my_app.tenant' }
  const plan = await expectRoundTrip(database.owner, renamed, 'online')
  expect(plan.steps.map(({ id }) => id)).toEqual([
    'tenantry.tenant_id(): replace',
    'public.tenants: policies',
    'public.notes: policies',
  ])
  await database.superuser('insert into tenants values (7); insert into notes values (7, 1)')
  expect((await database.as('7', 'my_app.tenant')('select id from notes')).rows).toEqual([{ id: 1 }])
  expect((await database.as('7')('select id from notes')).rows).toEqual([])
  await apply(database.owner, options)
  await expectPlanned(database.owner, options)
})

test('schema and function pass to the owner of the model', async () => {
  await database.superuser(
    'alter schema tenantry owner to postgres; alter function tenantry.tenant_id() owner to postgres',
  )
  const owned: TenancyOptions = { ...options, roles: { owner: 'tenantry_owner' } }
  await expectRoundTrip(database.superuser, owned)
  const { rows } = await database.superuser(
    `select nspowner::regrole::text as schema, proowner::regrole::text as function
     from pg_proc join pg_namespace on pg_namespace.oid = pronamespace where nspname = 'tenantry'`,
  )
  expect(rows).toEqual([{ schema: 'tenantry_owner', function: 'tenantry_owner' }])
})
