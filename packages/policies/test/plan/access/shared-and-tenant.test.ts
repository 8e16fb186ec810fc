import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { expectRoundTrip, refusal } from './planning.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const options: TenancyOptions = {
  tenantTable: 'tenants',
  tables: { templates: 'shared+tenant', countries: 'shared', ratings: { kind: 'shared', writable: true } },
}

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase(
    'shared-and-tenant',
    `create table tenants (id uuid primary key);
     create table templates (id integer primary key, tenant_id uuid references tenants, body text);
     create table countries (code text primary key);
     create table ratings (id integer);
     insert into tenants values ('${A}'), ('${B}');
     insert into templates values (1, null, 'shared'), (2, '${A}', 'of A'), (3, '${B}', 'of B');
     insert into countries values ('NL');
     grant all on templates, countries, ratings to tenantry_app`,
  )
})
afterAll(() => database.close())

const asA = async (text: string) => (await database.as(A)(text)).rows
const bodies = async () =>
  (await database.superuser('select body from templates order by id')).rows.map(({ body }) => body)

test('without policies, a tenant changes what all read', async () => {
  expect(await asA('select * from templates')).toHaveLength(3)
  expect(await asA("update templates set body = 'defaced' where id = 1 returning id")).toHaveLength(1)
  expect(await asA('delete from countries returning code')).toHaveLength(1)
  await database.owner("update templates set body = 'shared' where id = 1")
  await database.owner("insert into countries values ('NL')")
})

test('the plan can be applied, applied again and taken back', async () => {
  await expectRoundTrip(database.owner, options, 'online')
})

test('a tenant reads shared rows and its own', async () => {
  expect(await asA('select id from templates order by 1')).toEqual([{ id: 1 }, { id: 2 }])
  expect((await database.app('select id from templates')).rows).toEqual([{ id: 1 }])
})

test('a shared row is neither changed, deleted, taken, locked nor planted', async () => {
  expect(await asA("update templates set body = 'defaced' returning id")).toEqual([{ id: 2 }])
  expect(await asA(`update templates set tenant_id = '${A}' where id = 1 returning id`)).toEqual([])
  expect(await asA('delete from templates where tenant_id is null returning id')).toEqual([])
  expect(await asA('select id from templates for update')).toEqual([{ id: 2 }])
  expect(await refusal(asA("insert into templates values (9, null, 'planted')"))).toContain(
    'row-level security',
  )
  expect(
    await refusal(
      asA("insert into templates values (1, null, 'x') on conflict (id) do update set body = 'defaced'"),
    ),
  ).toContain('row-level security')
  expect(await bodies()).toEqual(['shared', 'defaced', 'of B'])
})

test('a tenant’s row is not given to all, nor to another', async () => {
  expect(await refusal(asA('update templates set tenant_id = null where id = 2'))).toContain(
    'row-level security',
  )
  expect(await refusal(asA(`update templates set tenant_id = '${B}' where id = 2`))).toContain(
    'row-level security',
  )
})

test('no permissive policy changes that', async () => {
  await database.owner('create policy oops on templates using (true) with check (true)')
  expect(await asA("update templates set body = 'again' returning id")).toEqual([{ id: 2 }])
  expect(await asA('select id from templates order by 1')).toEqual([{ id: 1 }, { id: 2 }])
  expect(await refusal(asA("insert into templates values (9, null, 'planted')"))).toContain(
    'row-level security',
  )
  expect((await database.app('delete from templates returning id')).rows).toEqual([])
  await database.owner('drop policy oops on templates')
})

test('shared tables are read, and written only where the model says so', async () => {
  expect(await asA('select * from countries')).toEqual([{ code: 'NL' }])
  expect(await refusal(asA('delete from countries'))).toBe('permission denied for table countries')
  expect(await refusal(asA('truncate ratings'))).toBe('permission denied for table ratings')
  expect(await asA('insert into ratings values (1) returning id')).toEqual([{ id: 1 }])
})
