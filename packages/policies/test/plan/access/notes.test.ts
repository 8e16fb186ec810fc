import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Note, TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, planFor, refusal } from './planning.ts'
import { acting, withRole } from './roles-in-tests.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const B = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'
const options: TenancyOptions = {
  tenantTable: 'tenants',
  tables: { logins: 'excluded', countries: 'shared' },
}

let database: OpenDatabase
beforeAll(async () => {
  database = await openDatabase(
    'notes',
    `create table tenants (id uuid primary key);
     create table notes (
       tenant_id uuid not null references tenants, id integer, body text, locked boolean not null default false,
       primary key (tenant_id, id)
     );
     create table countries (code text primary key);
     create table logins (id integer, tenant_id uuid);
     insert into tenants values ('${A}'), ('${B}');
     insert into notes values ('${A}', 1, 'of A'), ('${B}', 1, 'of B');
     insert into notes values ('${A}', 2, 'locked', true)`,
  )
})
afterAll(() => database.close())

const asA = async (text: string) => (await database.as(A)(text)).rows
const notesOf = async (pattern: RegExp): Promise<readonly Note[]> =>
  (await planFor(database.owner, options)).notes.filter(({ object }) => pattern.test(object))

test('a plan of a plain schema has nothing to say', async () => {
  expect((await planFor(database.owner, options)).notes).toEqual([])
})

test('a permissive policy for the application adds nothing under the floor', async () => {
  await database.owner('create policy open on notes using (true)')
  expect(await notesOf(/^policy open/)).toEqual([
    {
      object: 'policy open on public.notes',
      effect: 'information',
      message:
        'It is permissive (FOR ALL USING (true)), but under tenantry_floor nobody gets more than the rows of the tenant in ' +
        'the setting. It adds nothing for tenantry_app, whom tenantry_allow lets at the same rows already. It has had no ' +
        'effect so far, because row level security is off on the table; the plan switches it on.',
      fix: 'DROP POLICY open ON public.notes',
    },
  ])
  await apply(database.owner, options)
  expect(await asA('select distinct tenant_id from notes')).toEqual([{ tenant_id: A }])
  expect((await notesOf(/^policy open/))[0]?.message).not.toContain('has had no effect')
})

test('a permissive policy lets another role at rows of the tenant in its setting, which is told', async () => {
  await withRole(database, 'nologin', async (reporting) => {
    const as = acting(database, reporting, B)
    await database.owner(
      `grant usage on schema public to ${reporting}; grant select on notes to ${reporting}`,
    )
    await database.owner('drop policy open on notes')
    expect((await as('select * from notes')).rows).toEqual([])
    await database.owner(`create policy open on notes for select to ${reporting} using (not locked)`)
    expect((await as('select tenant_id from notes')).rows).toEqual([{ tenant_id: B }])
    expect(await notesOf(/^policy open/)).toMatchObject([
      {
        effect: 'widens',
        message:
          `It lets ${reporting} select where it holds (FOR SELECT USING (NOT locked)): without it, no policy would. ` +
          'tenantry_floor still keeps that to the rows of the tenant in the setting, which any role may set.',
      },
    ])
    await database.owner('drop policy open on notes')
  })
})

test('a restrictive policy narrows what the application reaches, which is told', async () => {
  expect(await asA('select id from notes')).toHaveLength(2)
  await database.owner(
    'create policy unlocked on notes as restrictive for select to tenantry_app using (not locked)',
  )
  expect(await asA('select id from notes')).toEqual([{ id: 1 }])
  expect(await notesOf(/^policy unlocked/)).toMatchObject([
    {
      effect: 'narrows',
      message:
        'It is restrictive: tenantry_app can select only those rows of its tenant for which it holds too (FOR SELECT USING (NOT locked)).',
    },
  ])
  await database.owner('drop policy unlocked on notes')
  await database.owner('create policy every on notes as restrictive using (true)')
  expect(await notesOf(/^policy every/)).toMatchObject([{ effect: 'information' }])
  await database.owner('drop policy every on notes')
  await database.owner('create policy others on notes as restrictive to tenantry_owner using (false)')
  expect(await notesOf(/^policy others/)).toMatchObject([{ effect: 'information' }])
  await database.owner('drop policy others on notes')
})

test('a shared table with row level security on shows what its own policies let through, which is told', async () => {
  await database.owner("insert into countries values ('NL'); alter table countries enable row level security")
  expect(await asA('select * from countries')).toEqual([])
  expect(await notesOf(/^public.countries/)).toMatchObject([
    { effect: 'narrows', fix: 'ALTER TABLE public.countries DISABLE ROW LEVEL SECURITY' },
  ])
  await database.owner('alter table countries disable row level security')
})

test('a SECURITY DEFINER function of a superuser passes policies by, and is told', async () => {
  await database.superuser(
    `create function public.all_notes() returns setof notes language sql security definer
     set search_path = pg_catalog, pg_temp as 'select * from public.notes'`,
  )
  expect(await asA('select * from all_notes()')).toHaveLength(3)
  expect(await notesOf(/all_notes/)).toMatchObject([
    {
      object: 'public.all_notes()',
      effect: 'exposes',
      message: expect.stringMatching(
        /^tenantry_app may call it, and it runs as \w+, whom no policy holds back/,
      ),
      fix: 'ALTER ROUTINE public.all_notes() SECURITY INVOKER',
    },
  ])
  await database.superuser('alter routine public.all_notes() security invoker')
  expect(await asA('select * from all_notes()')).toHaveLength(2)
  expect(await notesOf(/all_notes/)).toEqual([])
  await database.superuser(
    'alter routine public.all_notes() security definer; revoke execute on function public.all_notes() from public',
  )
  expect(await refusal(asA('select * from all_notes()'))).toContain('permission denied')
  expect(await notesOf(/all_notes/)).toEqual([])
  await database.superuser('drop function public.all_notes()')
})

test('one of the owner finds nothing under FORCE; without a search_path it can be turned against the policies', async () => {
  const define = (clause: string) =>
    database.owner(
      `create or replace function public.count_notes() returns bigint language plpgsql security definer ${clause}
       as 'begin return (select count(*) from public.notes); end'`,
    )
  await define('set search_path = pg_catalog, pg_temp')
  expect(await asA('select count_notes()::integer as seen')).toEqual([{ seen: 0 }])
  expect(await notesOf(/count_notes/)).toMatchObject([{ effect: 'narrows' }])
  await define('')
  expect(await notesOf(/count_notes/)).toMatchObject([
    { effect: 'exposes', fix: 'ALTER ROUTINE public.count_notes() SET search_path = pg_catalog, pg_temp' },
  ])
  await database.owner('drop function public.count_notes()')
})

test('a trigger whose function runs as a superuser is told, a plain one is not', async () => {
  await database.superuser(
    `create function public.plant() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
       as $$ begin insert into public.notes values ('${B}', 77, 'planted'); return new; end $$;
     revoke execute on function public.plant() from public;
     create function public.plain() returns trigger language plpgsql as 'begin return new; end';
     create trigger plain before update on notes for each row execute function plain()`,
  )
  expect(await notesOf(/plant|plain/)).toEqual([])
  await database.superuser(
    'create trigger plant before update on notes for each row execute function plant()',
  )
  await asA("update notes set body = 'x' where id = 1")
  expect((await database.superuser('select from notes where id = 77')).rows).toHaveLength(1)
  expect(await notesOf(/plant|plain/)).toMatchObject([
    { object: 'public.plant()', effect: 'exposes', message: expect.stringContaining('public.notes') },
  ])
  await database.superuser('drop function public.plant() cascade; delete from notes where id = 77')
})

test('a LEAKPROOF function sees rows that policies hide, and is told', async () => {
  await database.superuser(
    `create function public.tell(text) returns boolean language plpgsql leakproof cost 0.0001
     as 'begin raise notice ''%'', $1; return true; end'`,
  )
  expect(await notesOf(/tell/)).toMatchObject([
    { object: 'public.tell(text)', effect: 'exposes', fix: 'ALTER ROUTINE public.tell(text) NOT LEAKPROOF' },
  ])
  await database.superuser('drop function public.tell(text)')
})

test('a rule runs as the owner of its table, and is told', async () => {
  await database.owner('create rule copied as on insert to countries do also delete from notes')
  expect(await notesOf(/^rule/)).toMatchObject([
    { object: 'rule copied on public.countries', effect: 'narrows' },
  ])
  await database.superuser('alter table countries owner to postgres')
  expect(await notesOf(/^rule/)).toMatchObject([
    { effect: 'exposes', fix: 'DROP RULE copied ON public.countries' },
  ])
  await database.superuser('drop rule copied on countries; alter table countries owner to tenantry_owner')
})

test('foreign tables and excluded tables with a tenant column, on which the application has rights, are told', async () => {
  await database.superuser(
    `create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
     create foreign table remote (id integer) server nowhere`,
  )
  const both: TenancyOptions = { ...options, tables: { ...options.tables, remote: 'excluded' } }
  const about = async () =>
    (await planFor(database.owner, both)).notes.filter(({ object }) => /remote|logins/.test(object))
  expect(await about()).toEqual([])
  await database.superuser('grant select on remote to public; grant select (id) on logins to tenantry_app')
  expect(await about()).toMatchObject([
    { object: 'public.logins', effect: 'exposes' },
    { object: 'public.remote', effect: 'exposes' },
  ])
  for (const { fix } of await about()) await database.superuser(fix ?? '')
  expect(await about()).toEqual([])
  await database.superuser('drop foreign data wrapper nowhere cascade')
})

test('sequences that all tenants share and temporary tables are mentioned', async () => {
  await database.owner('alter table notes add number serial')
  expect(await notesOf(/^sequences/)).toMatchObject([
    { effect: 'information', message: expect.stringContaining('public.notes take numbers') },
  ])
  const { name } = database.database
  await database.owner(`grant temporary on database ${name} to public`)
  const [note] = await notesOf(/^database/)
  expect(note).toMatchObject({ effect: 'information' })
  await database.owner(note?.fix ?? '')
  expect(await notesOf(/^database/)).toEqual([])
})
