import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectOne, type Finder, openFinder, TENANTS, told, WORK } from './finding.ts'

let finder: Finder

beforeAll(async () => {
  finder = await openFinder('problems_names')
})
afterAll(() => finder.close())

describe('names', () => {
  test('a schema that is not there', async () => {
    expectOne(await finder.problems(TENANTS, { schemas: ['public', 'pubic'] }, { schemas: ['public'] }), {
      code: 'UNKNOWN_SCHEMA',
      object: 'schema pubic',
      message: 'Did you mean "public"?',
      fix: 'readCatalogue(query',
    })
  })

  test.each([
    ['tenant', 'Did you mean "tenants"?'],
    ['"tenants"', 'Did you mean "tenants"?'],
    ['Tenants', 'Did you mean "tenants"?'],
    ['public.tenant', 'Did you mean "public.tenants"?'],
    ['nothing_like_it', 'is no table in "public".'],
  ])('a tenant table that is not there: %s', async (tenantTable, message) => {
    const found = await finder.problems(`${WORK} CREATE TABLE tasks (id int REFERENCES projects)`, {
      tenantTable,
      schemas: ['public'],
      tables: { tasks: 'child' },
    })
    // Without it, what leads to a tenant is not known, and not reported either.
    expectOne(found, { code: 'UNKNOWN_TABLE', object: tenantTable, message, fix: 'as the catalogue has it' })
  })

  test('a table that is not there, that is a view, that is in another schema', async () => {
    const found = await finder.problems(
      `${TENANTS} CREATE TABLE tasks (tenant_id uuid); CREATE VIEW v AS SELECT 1 AS x;
      CREATE SCHEMA other; CREATE TABLE other.o (id int)`,
      { tables: { tasc: 'child', v: 'shared', o: 'shared' } },
      { schemas: ['public', 'other'] },
    )
    expect(told(found)).toEqual([
      ['UNKNOWN_TABLE', 'tasc'],
      ['UNKNOWN_TABLE', 'public.v'],
      ['UNKNOWN_TABLE', 'o'],
    ])
    expect(found[0]?.message).toContain('Did you mean "tasks"?')
    expect(found[1]?.message).toContain('is a view')
    expect(found[1]?.fix).toContain('name the tables that it reads')
    expect(found[2]?.message).toContain('is in schema "other", which takes no part')
    expect(found[2]?.fix).toContain('Add "other" to schemas')
  })

  test('a name that two tables have', async () => {
    const sql = `${TENANTS} CREATE SCHEMA other; CREATE TABLE things (id int); CREATE TABLE other.things (id int)`
    const found = await finder.problems(sql, { schemas: ['public', 'other'], tables: { things: 'shared' } })
    expect(found[0]).toMatchObject({
      code: 'AMBIGUOUS_NAME',
      object: 'things',
      message: expect.stringContaining('"other"."things" and "public"."things"'),
      fix: expect.stringContaining('"other.things" or "public.things"'),
    })
    // What the others are called, in a fix, is no shorter than it has to be.
    expect(found[1]).toMatchObject({ code: 'KIND_MISSING', fix: expect.stringContaining("'other.things'") })
  })

  test('a name that is one table without its schema and another with it', async () => {
    const found = await finder.problems(
      `${TENANTS} CREATE SCHEMA a; CREATE TABLE a.b (tenant_id uuid); CREATE TABLE "a.b" (tenant_id uuid)`,
      { schemas: ['public', 'a'], tables: { 'a.b': 'shared' } },
    )
    expectOne(found, {
      code: 'AMBIGUOUS_NAME',
      object: 'a.b',
      message: '"a"."b" and "public"."a.b"',
      fix: '"a.b" or "public.a.b"',
    })
  })

  test('one table named twice, or as the tenant table', async () => {
    const found = await finder.problems(WORK, {
      tables: { projects: 'tenant', 'public.projects': 'shared', 'public.tenants': 'shared' },
    })
    expect(found).toMatchObject([
      { code: 'AMBIGUOUS_NAME', object: 'public.projects', fix: 'Leave "public.projects" out of tables.' },
      {
        code: 'AMBIGUOUS_NAME',
        object: 'public.tenants',
        message: expect.stringContaining('the tenant table itself'),
      },
    ])
  })

  test('a column of a query', async () => {
    const found = await finder.problems(WORK, {
      tables: { projects: { kind: 'tenant', queries: [['tenant_id', 'idd']] } },
    })
    expectOne(found, {
      code: 'UNKNOWN_COLUMN',
      object: 'public.projects.idd',
      message: 'Did you mean "id"?',
      fix: 'as the catalogue has it',
    })
  })

  test('a global key that is not there, or not unique', async () => {
    const found = await finder.problems(
      `${TENANTS} CREATE TABLE users (tenant_id uuid, email text CONSTRAINT users_email_key UNIQUE, name text);
      CREATE INDEX by_name ON users (name)`,
      { tables: { users: { kind: 'tenant', globalKeys: ['users_emial_key', 'by_name'] } } },
    )
    expect(found).toMatchObject([
      {
        code: 'UNKNOWN_KEY',
        object: 'public.users',
        message: expect.stringContaining('Did you mean "users_email_key"?'),
      },
      {
        code: 'UNKNOWN_KEY',
        message: expect.stringContaining('"by_name" is not unique'),
        fix: expect.stringContaining('leave it out'),
      },
    ])
  })
})
