import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { functionOf, sequenceOf } from './support/find.ts'

const setup = `
  create schema tenantry;
  create schema other;
  create type other.pair as (a int, b int);
  create function tenantry.tenant_id() returns uuid language sql stable parallel safe
    return nullif(current_setting('app.current_tenant_id', true), '')::uuid;
  create function guarded(pair other.pair, out doubled int) language plpgsql immutable strict security definer
    set search_path = pg_catalog, pg_temp set work_mem = '4MB' as $body$begin doubled := pair.a * 2; end$body$;
  create function overloaded(a text, variadic rest text[] default '{}') returns table (x int) language sql as 'select 1';
  create function overloaded(a int) returns setof int language sql parallel restricted as 'select $1';
  create procedure proceeds(inout a int) language plpgsql as 'begin a := 1; end';
  create aggregate total (int) (sfunc = int4pl, stype = int, initcond = '0');

  create table serial_table (id serial, big bigserial, always bigint generated always as identity);
  create sequence loose;
  create sequence shared_numbers;
  create table first_user (id bigint default nextval('shared_numbers'));
  create table other.second_user (note text, id bigint default 1000 + nextval('public.shared_numbers'));
  create sequence owned owned by first_user.id;
`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-functions', setup)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(() => opened.close())

it('describes the function that policies call, its SQL-standard body too', () => {
  expect(functionOf(catalogue, 'tenant_id')).toEqual({
    schema: 'tenantry',
    name: 'tenant_id',
    arguments: '',
    kind: 'function',
    owner: 'tenantry_owner',
    extension: null,
    language: 'sql',
    returns: 'uuid',
    volatility: 'stable',
    securityDefiner: false,
    leakproof: false,
    parallel: 'safe',
    settings: [],
    body: "RETURN (NULLIF(current_setting('app.current_tenant_id'::text, true), ''::text))::uuid",
    grants: expect.any(Array),
  })
})

it('describes functions with settings, output parameters and types of other schemas', () => {
  expect(functionOf(catalogue, 'guarded')).toMatchObject({
    arguments: 'pair other.pair, OUT doubled integer',
    language: 'plpgsql',
    returns: 'integer',
    volatility: 'immutable',
    securityDefiner: true,
    parallel: 'unsafe',
    settings: ['search_path=pg_catalog, pg_temp', 'work_mem=4MB'],
    body: 'begin doubled := pair.a * 2; end',
  })
})

it('tells overloads apart, and procedures and aggregates from functions', () => {
  expect(
    catalogue.functions.map(({ schema, name, arguments: parameters, kind, returns }) => {
      return [`${schema}.${name}(${parameters})`, kind, returns]
    }),
  ).toEqual([
    ['public.guarded(pair other.pair, OUT doubled integer)', 'function', 'integer'],
    ['public.overloaded(a integer)', 'function', 'SETOF integer'],
    ['public.overloaded(a text, VARIADIC rest text[])', 'function', 'TABLE(x integer)'],
    ['public.proceeds(INOUT a integer)', 'procedure', null],
    ['public.total(integer)', 'aggregate', 'integer'],
    ['tenantry.tenant_id()', 'function', 'uuid'],
  ])
})

it('knows leakproof functions, which only a superuser makes', async () => {
  await opened.superuser('create function tight() returns int language sql leakproof return 1')
  expect(functionOf(await readCatalogue(opened.owner), 'tight')).toMatchObject({ leakproof: true })
})

it('knows which columns a sequence serves: by identity, ownership or default, of several tables and schemas', () => {
  const firstUser = { schema: 'public', name: 'first_user', column: 'id' }
  const serial = (column: string) => ({ schema: 'public', name: 'serial_table', column })
  expect(catalogue.sequences.map(({ name, ownedBy, usedBy }) => ({ name, ownedBy, usedBy }))).toEqual([
    { name: 'loose', ownedBy: null, usedBy: [] },
    { name: 'owned', ownedBy: { ...firstUser, identity: false }, usedBy: [] },
    {
      name: 'serial_table_always_seq',
      ownedBy: { ...serial('always'), identity: true },
      usedBy: [serial('always')],
    },
    {
      name: 'serial_table_big_seq',
      ownedBy: { ...serial('big'), identity: false },
      usedBy: [serial('big')],
    },
    {
      name: 'serial_table_id_seq',
      ownedBy: { ...serial('id'), identity: false },
      usedBy: [serial('id')],
    },
    {
      name: 'shared_numbers',
      ownedBy: null,
      usedBy: [{ schema: 'other', name: 'second_user', column: 'id' }, firstUser],
    },
  ])
  expect(sequenceOf(catalogue, 'loose')).toMatchObject({ schema: 'public', owner: 'tenantry_owner' })
})
