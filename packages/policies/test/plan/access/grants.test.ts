import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TenancyOptions } from '../../../src/index.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { apply, expectPlanned, expectRoundTrip, planFor, refusal } from './planning.ts'
import { acting, withRole } from './roles-in-tests.ts'

const A = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
const options: TenancyOptions = {
  tenantTable: 'tenants',
  roles: { system: 'tenantry_system' },
  tables: { countries: 'shared', logins: 'excluded' },
}

const setup = `
  create sequence numbers;
  create table tenants (id uuid primary key, name text);
  create table notes (
    tenant_id uuid not null references tenants, id serial, number integer default nextval('numbers'),
    fixed integer generated always as identity, body text, primary key (tenant_id, id)
  );
  create table countries (code text primary key);
  create table logins (id integer);
  insert into tenants values ('${A}', 'A');
`

let database: OpenDatabase
beforeEach(async () => {
  database = await openDatabase('grants', setup)
})
afterEach(() => database.close())

const asA = (text: string) => database.as(A)(text)

/** What a role holds itself, as `privilege object`. */
async function held(role: string): Promise<ReadonlySet<string>> {
  const { rows } = await database.superuser(
    `select privilege_type || ' ' || relname || coalesce('.' || attname, '') as held
     from (
       select relname, null as attname, relacl as list from pg_class where relnamespace = 'public'::regnamespace
       union all
       select relname, attname, attacl from pg_attribute join pg_class on pg_class.oid = attrelid
       where relnamespace = 'public'::regnamespace
     ) as lists, aclexplode(list)
     where grantee = case when $1 = 'public' then 0 else (select oid from pg_roles where rolname = $1) end`,
    [role],
  )
  return new Set(rows.map(({ held: each }) => String(each)))
}

const wanted = [
  'DELETE notes',
  'INSERT notes',
  'INSERT tenants',
  'SELECT countries',
  'SELECT notes',
  'SELECT tenants',
  'UPDATE notes',
  'UPDATE tenants',
  'USAGE notes_id_seq',
  'USAGE numbers',
]

test('the application role gets what it needs and no more', async () => {
  await expectRoundTrip(database.owner, options)
  expect(await held('tenantry_app')).toEqual(new Set(wanted))
  expect(await held('public')).toEqual(new Set())
  expect((await asA("insert into notes (body) values ('x') returning id, number, fixed")).rows).toHaveLength(
    1,
  )
  expect(await refusal(asA('delete from tenants'))).toBe('permission denied for table tenants')
  expect(await refusal(asA('select * from logins'))).toBe('permission denied for table logins')
  expect(await refusal(asA("select setval('numbers', 1)"))).toBe('permission denied for sequence numbers')
})

test('the system role works on all tables of the model', async () => {
  await apply(database.owner, options)
  await database.system(`insert into notes (tenant_id, body) values ('${A}', 'x')`)
  await database.system("insert into countries values ('NL')")
  await database.system('delete from tenants where false')
  expect(await refusal(database.system('select * from logins'))).toBe('permission denied for table logins')
})

test('rights that pass policies by are taken from the application role and from everybody, and undone exactly', async () => {
  await database.owner(`
    grant all on all tables in schema public to tenantry_app, public;
    grant all on all sequences in schema public to tenantry_app, public;
    grant select on notes to tenantry_app with grant option;
    grant references (body), update (id), select (body), insert (number) on notes to tenantry_app with grant option;
    grant update (code) on countries to public;
    grant all on logins to tenantry_app;
    grant create on schema public to tenantry_app, public`)
  expect(await refusal(asA('truncate notes'))).toBe('not refused')
  await database.owner('insert into notes (tenant_id) values ($1)', [A])

  const excluded = [...(await held('tenantry_app'))].filter((each) => each.endsWith(' logins'))
  await expectRoundTrip(database.owner, options, 'online')
  expect(await held('tenantry_app')).toEqual(
    new Set([
      ...wanted,
      // Left alone: they add nothing, or belong to an excluded table.
      'INSERT notes.number',
      'SELECT notes.body',
      'UPDATE notes.id',
      'SELECT notes_fixed_seq',
      'SELECT notes_id_seq',
      'SELECT numbers',
      'USAGE notes_fixed_seq',
      ...excluded,
    ]),
  )
  expect(await refusal(asA('truncate notes'))).toBe('permission denied for table notes')
  expect(await refusal(asA('create table mine (note integer references notes (id))'))).toContain(
    'permission denied',
  )
  const everybody = await held('public')
  await refusal(asA('grant select on notes to public'))
  await refusal(asA('grant update (id), select (body) on notes to public'))
  expect(await held('public')).toEqual(everybody)
  expect(await refusal(asA("insert into countries values ('XX')"))).toBe(
    'permission denied for table countries',
  )
  expect(await refusal(asA("update countries set code = 'XX'"))).toBe('permission denied for table countries')
})

describe('with updateGrants: columns', () => {
  const byColumn: TenancyOptions = { ...options, updateGrants: 'columns' }

  test('the tenant column is out of reach, whatever the policies are', async () => {
    await database.owner(
      'grant update, select on notes to tenantry_app; grant update (tenant_id, body) on notes to tenantry_app',
    )
    expect(await refusal(asA(`update notes set tenant_id = '${A}'`))).toBe('not refused')
    await expectRoundTrip(database.owner, byColumn)
    expect(await refusal(asA(`update notes set tenant_id = '${A}'`))).toBe(
      'permission denied for table notes',
    )
    expect(await refusal(asA(`update tenants set id = '${A}'`))).toBe('permission denied for table tenants')
    expect(await refusal(asA("update notes set body = 'x'"))).toBe('not refused')
    expect(await refusal(asA("update tenants set name = 'x'"))).toBe('not refused')
  })

  test('a column that is added later is granted by the next plan', async () => {
    await apply(database.owner, byColumn)
    await database.owner('alter table notes add done boolean')
    const plan = await expectRoundTrip(database.owner, byColumn)
    expect(plan.steps.map(({ statements }) => statements)).toEqual([
      ['GRANT UPDATE (done) ON TABLE public.notes TO tenantry_app'],
    ])
  })

  test('the option can be changed there and back', async () => {
    await apply(database.owner, byColumn)
    await expectRoundTrip(database.owner, options)
    expect(await refusal(asA(`update notes set tenant_id = '${A}'`))).toBe('not refused')
    await expectRoundTrip(database.owner, byColumn)
    expect(await refusal(asA(`update notes set tenant_id = '${A}'`))).toBe(
      'permission denied for table notes',
    )
  })
})

test('rights that the application role inherits cannot be revoked from it, and are told', async () => {
  await withRole(database, 'nologin', async (group) => {
    await withRole(database, `nologin in role ${group}`, async (app) => {
      const inherited: TenancyOptions = { ...options, roles: { app } }
      await database.owner(
        `grant truncate, select on notes to ${group}; create materialized view kept as select * from notes; grant select on kept to ${group}`,
      )
      await expectRoundTrip(database.owner, inherited)
      const as = acting(database, app, A)
      expect(await refusal(as('truncate notes'))).toBe('not refused')
      expect(await refusal(as('select * from kept'))).toBe('not refused')
      const { notes } = await planFor(database.owner, inherited)
      expect(
        notes.filter(({ object, effect }) => object === `role ${group}` && effect === 'exposes'),
      ).toEqual([
        {
          object: `role ${group}`,
          effect: 'exposes',
          message: `${app} has all that it may, and it has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN, which pass policies by, on public.notes; it reads public.kept, which keeps rows of all tenants.`,
          fix: `REVOKE ${group} FROM ${app}`,
        },
      ])
    })
  })
})

test('a role that is not the model’s keeps its rights, sees nothing, and is told', async () => {
  await withRole(database, 'nologin', async (reporting) => {
    await database.owner(
      `grant select on notes to ${reporting}; grant usage on schema public to ${reporting}`,
    )
    await database.owner('insert into notes (tenant_id) values ($1)', [A])
    const as = acting(database, reporting, A)
    expect((await as('select * from notes')).rows).toHaveLength(1)
    await expectRoundTrip(database.owner, options)
    expect((await as('select * from notes')).rows).toEqual([])
    const { notes } = await planFor(database.owner, options)
    expect(notes.find(({ object }) => object === `role ${reporting}`)).toMatchObject({
      effect: 'narrows',
      message: expect.stringContaining('It has rights on public.notes.'),
    })
  })
})

test('whoever inserts before the plan can insert after it: the default is theirs to call', async () => {
  await withRole(database, 'nologin bypassrls', async (importer) => {
    await database.owner(
      `grant insert on notes to ${importer}; grant usage on sequence numbers, notes_id_seq to ${importer}`,
    )
    await database.owner(`grant usage on schema public to ${importer}`)
    await apply(database.owner, options)
    expect(await refusal(acting(database, importer, A)("insert into notes (body) values ('imported')"))).toBe(
      'not refused',
    )
  })
  const { rows } = await database.superuser(
    `select has_function_privilege('public', 'tenantry.tenant_id()', 'execute') as everybody`,
  )
  expect(rows).toEqual([{ everybody: false }])
})

test('what the plan may not change on the database or a schema is told with the statement for its owner', async () => {
  await database.superuser(
    'alter schema public owner to postgres; grant create on schema public to public, tenantry_owner; grant usage on schema public to tenantry_owner; revoke usage on schema public from tenantry_app',
  )
  const { name } = database.database
  await database.superuser(`alter database ${name} owner to postgres`)
  await database.superuser(
    `revoke connect on database ${name} from tenantry_app; grant create, connect on database ${name} to tenantry_owner`,
  )
  try {
    await apply(database.owner, options)
    await expectPlanned(database.owner, options)
    const { notes } = await planFor(database.owner, options)
    expect(notes.filter(({ object }) => /^(schema|database) /.test(object))).toMatchObject([
      { object: 'schema public', effect: 'exposes', fix: 'REVOKE CREATE ON SCHEMA public FROM PUBLIC' },
      {
        object: `database ${name}`,
        effect: 'narrows',
        fix: `GRANT CONNECT ON DATABASE ${name} TO tenantry_app`,
      },
      { object: 'schema public', effect: 'narrows', fix: 'GRANT USAGE ON SCHEMA public TO tenantry_app' },
    ])
    await expectRoundTrip(database.superuser, options)
  } finally {
    await database.superuser(`alter database ${name} owner to tenantry_owner`)
  }
})
