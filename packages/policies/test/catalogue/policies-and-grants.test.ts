import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { functionOf, grantLines, only, sequenceOf, tableOf, viewOf } from './support/find.ts'

const reader = `a "reader" ${randomBytes(4).toString('hex')}`
const quotedReader = `"${reader.replaceAll('"', '""')}"`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-grants')
  await opened.superuser(`create role ${quotedReader}`)
  await opened.owner(`
    create schema tenantry;
    create function tenantry.tenant_id() returns uuid language sql stable parallel safe
      return nullif(current_setting('app.current_tenant_id', true), '')::uuid;
    create table tasks (tenant_id uuid, "Title" text, done bool, dropped int);
    create policy allow on tasks to tenantry_app using (tenant_id = (select tenantry.tenant_id()));
    create policy "Floor" on tasks as restrictive for all
      using (tenant_id = (select tenantry.tenant_id())) with check (tenant_id = (select tenantry.tenant_id()));
    create policy reads on tasks for select to tenantry_system, tenantry_app, ${quotedReader} using (done);
    create policy inserts on tasks for insert to current_user with check (not done);
    create policy updates on tasks for update using (exists (select from tasks as other where other.done));
    create policy deletes on tasks as restrictive for delete using (false);

    grant select, insert on tasks to tenantry_app;
    grant truncate on tasks to public;
    grant select, update on tasks to ${quotedReader} with grant option;
    grant select (tenant_id, "Title"), update ("Title") on tasks to tenantry_system;
    grant insert (done) on tasks to public;
    grant references (done) on tasks to tenantry_app with grant option;
    grant select (dropped) on tasks to tenantry_app;
    alter table tasks drop column dropped;
    create table refused (id int);
    revoke all on refused from tenantry_owner;

    create view looks as select 1 as one;
    grant select on looks to tenantry_app;
    create sequence numbers;
    grant usage on sequence numbers to tenantry_app;
    create function closed() returns int language sql return 1;
    revoke execute on function closed() from public;
    grant execute on function closed() to tenantry_app;
    grant usage, create on schema tenantry to tenantry_app;
  `)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(async () => {
  await opened.superuser(`drop owned by ${quotedReader}; drop role ${quotedReader}`)
  await opened.close()
})

it('gives policies with their kind, command, roles and conditions', () => {
  const own = '(tenant_id = ( SELECT tenantry.tenant_id() AS tenant_id))'
  expect(tableOf(catalogue, 'tasks').policies).toEqual([
    { name: 'Floor', permissive: false, command: 'ALL', roles: ['public'], using: own, check: own },
    { name: 'allow', permissive: true, command: 'ALL', roles: ['tenantry_app'], using: own, check: null },
    { name: 'deletes', permissive: false, command: 'DELETE', roles: ['public'], using: 'false', check: null },
    {
      name: 'inserts',
      permissive: true,
      command: 'INSERT',
      roles: ['tenantry_owner'],
      using: null,
      check: '(NOT done)',
    },
    {
      name: 'reads',
      permissive: true,
      command: 'SELECT',
      roles: [reader, 'tenantry_app', 'tenantry_system'],
      using: 'done',
      check: null,
    },
    {
      name: 'updates',
      permissive: true,
      command: 'UPDATE',
      roles: ['public'],
      using: expect.stringMatching(/^\(EXISTS \( SELECT\s+FROM public\.tasks other\s+WHERE other\.done\)\)$/),
      check: null,
    },
  ])
})

it("gives a table's grants, to PUBLIC, with grant option, and the owner's", () => {
  const maintain = catalogue.serverVersion >= 170_000 ? 'MAINTAIN ' : ''
  expect(grantLines(tableOf(catalogue, 'tasks').grants)).toEqual([
    `${reader}: SELECT* UPDATE*`,
    'public: TRUNCATE',
    'tenantry_app: INSERT SELECT',
    `tenantry_owner: DELETE INSERT ${maintain}REFERENCES SELECT TRIGGER TRUNCATE UPDATE`,
  ])
  expect(tableOf(catalogue, 'refused').grants).toEqual([])
})

it("gives grants on columns beside the table's, none of a dropped column", () => {
  expect(tableOf(catalogue, 'tasks').columnGrants).toEqual([
    { column: 'tenant_id', grantee: 'tenantry_system', privilege: 'SELECT', grantable: false },
    { column: 'Title', grantee: 'tenantry_system', privilege: 'SELECT', grantable: false },
    { column: 'Title', grantee: 'tenantry_system', privilege: 'UPDATE', grantable: false },
    { column: 'done', grantee: 'public', privilege: 'INSERT', grantable: false },
    { column: 'done', grantee: 'tenantry_app', privilege: 'REFERENCES', grantable: true },
  ])
})

it('gives the grants of views, sequences, functions, schemas and the database, built-in defaults written out', () => {
  expect(grantLines(viewOf(catalogue, 'looks').grants)[0]).toBe('tenantry_app: SELECT')
  expect(grantLines(sequenceOf(catalogue, 'numbers').grants)).toEqual([
    'tenantry_app: USAGE',
    'tenantry_owner: SELECT UPDATE USAGE',
  ])
  // Functions may be executed by everybody until that is revoked.
  expect(grantLines(functionOf(catalogue, 'tenant_id').grants)).toEqual([
    'public: EXECUTE',
    'tenantry_owner: EXECUTE',
  ])
  expect(grantLines(functionOf(catalogue, 'closed').grants)).toEqual([
    'tenantry_app: EXECUTE',
    'tenantry_owner: EXECUTE',
  ])
  expect(grantLines(only(catalogue.schemas, 'tenantry').grants)).toEqual([
    'tenantry_app: CREATE USAGE',
    'tenantry_owner: CREATE USAGE',
  ])
  expect(grantLines(catalogue.database.grants)).toContain('tenantry_app: CONNECT')
})

it('gives one entry for what several roles granted', async () => {
  await opened.owner(
    'create table twice (id int); grant select on twice to tenantry_system with grant option',
  )
  await opened.system('grant select on twice to tenantry_app with grant option')
  await opened.owner('grant select on twice to tenantry_app')
  const twice = tableOf(await readCatalogue(opened.owner), 'twice')
  expect(twice.grants.filter(({ grantee }) => grantee === 'tenantry_app')).toEqual([
    { grantee: 'tenantry_app', privilege: 'SELECT', grantable: true },
  ])
})
