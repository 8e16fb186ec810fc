import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { viewOf } from './support/find.ts'

const setup = `
  create schema elsewhere;
  create table a (id int);
  create table b (id int);
  create table elsewhere.hidden (id int);
  create table log (id int);
  create table parts (id int) partition by hash (id);
  create table parts_0 partition of parts for values with (modulus 1, remainder 0);
  create view elsewhere.over_hidden as select * from elsewhere.hidden;
  create view direct as select id from a where exists (select from b where b.id = a.id);
  create view far with (security_barrier) as
    with deep as (select id from elsewhere.over_hidden) select direct.id from direct join deep using (id);
  create materialized view stored as select id from far;
  create view farther with (security_barrier = off) as select id from stored union all select id from parts;
  create view "System only" as select relname from pg_catalog.pg_class union select table_name from information_schema.tables;
  create recursive view counting (n) as values (1) union all select n + 1 from counting where n < 10;
  create view writes as select id from a;
  create rule inserts as on insert to writes do instead insert into log values (new.id);
`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-views', setup)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(() => opened.close())

const inPublic = (...names: readonly string[]) => names.map((name) => ({ schema: 'public', name }))
const inElsewhere = (...names: readonly string[]) => names.map((name) => ({ schema: 'elsewhere', name }))

it('describes a view completely', () => {
  expect(viewOf(catalogue, 'direct')).toEqual({
    schema: 'public',
    name: 'direct',
    kind: 'view',
    owner: 'tenantry_owner',
    extension: null,
    securityInvoker: false,
    securityBarrier: false,
    uses: inPublic('a', 'b'),
    reaches: inPublic('a', 'b'),
    grants: expect.any(Array),
    columnGrants: [],
  })
})

it('follows views through views, materialized ones and schemas that are not read', () => {
  expect(catalogue.views.map(({ name, kind, uses, reaches }) => ({ name, kind, uses, reaches }))).toEqual([
    { name: 'System only', kind: 'view', uses: [], reaches: [] },
    { name: 'counting', kind: 'view', uses: [], reaches: [] },
    { name: 'direct', kind: 'view', uses: inPublic('a', 'b'), reaches: inPublic('a', 'b') },
    {
      name: 'far',
      kind: 'view',
      uses: [...inElsewhere('over_hidden'), ...inPublic('direct')],
      reaches: [...inElsewhere('hidden'), ...inPublic('a', 'b')],
    },
    {
      name: 'farther',
      kind: 'view',
      uses: inPublic('parts', 'stored'),
      reaches: [...inElsewhere('hidden'), ...inPublic('a', 'b', 'parts')],
    },
    {
      name: 'stored',
      kind: 'materialized',
      uses: inPublic('far'),
      reaches: [...inElsewhere('hidden'), ...inPublic('a', 'b')],
    },
    // What its rules write to counts as well: they run with the rights of the view's owner.
    { name: 'writes', kind: 'view', uses: inPublic('a', 'log'), reaches: inPublic('a', 'log') },
  ])
})

it('knows security_barrier, however its value is written', () => {
  expect(viewOf(catalogue, 'far').securityBarrier).toBe(true)
  expect(viewOf(catalogue, 'farther').securityBarrier).toBe(false)
})

it('knows security_invoker, however its value is written', async ({ skip }) => {
  skip(catalogue.serverVersion < 150_000, 'it came with PostgreSQL 15')
  await opened.owner(`
    create view invoker_1 with (security_invoker) as select 1 as one;
    create view invoker_2 with (security_barrier = true, security_invoker = on) as select 1 as one;
    create view invoker_3 with (security_invoker = 1) as select 1 as one;
    create view invoker_4 with (security_invoker = no) as select 1 as one;
  `)
  const { views } = await readCatalogue(opened.owner)
  expect(
    views
      .filter(({ name }) => name.startsWith('invoker'))
      .map(({ name, securityInvoker, securityBarrier }) => [name, securityInvoker, securityBarrier]),
  ).toEqual([
    ['invoker_1', true, false],
    ['invoker_2', true, true],
    ['invoker_3', true, false],
    ['invoker_4', false, false],
  ])
})
