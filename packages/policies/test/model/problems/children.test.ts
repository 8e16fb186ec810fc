import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectOne, type Finder, openFinder, told, WORK } from './finding.ts'

let finder: Finder

beforeAll(async () => {
  finder = await openFinder('problems_children')
})
afterAll(() => finder.close())

describe('the way of a child', () => {
  test.each([
    ['nothing', 'id int', 'it has no foreign key to a table that has one'],
    ['itself', 'id int PRIMARY KEY, parent int REFERENCES a', 'its only foreign key leads back to itself'],
    ['a shared table', 'c int REFERENCES countries', "c leads to public.countries, which is 'shared'"],
    ['an excluded table', 'j int REFERENCES jobs', "j leads to public.jobs, which is 'excluded'"],
    ['a table with rows of nobody', 't int REFERENCES templates', 'with rows that have no tenant'],
  ])('that leads to %s', async (_, columns, message) => {
    const found = await finder.problems(
      `${WORK} CREATE TABLE countries (id int PRIMARY KEY); CREATE TABLE jobs (id int PRIMARY KEY);
      CREATE TABLE templates (id int PRIMARY KEY, tenant_id uuid); CREATE TABLE a (${columns})`,
      { tables: { a: 'child', countries: 'shared', jobs: 'excluded', templates: 'shared+tenant' } },
    )
    expectOne(found, { code: 'NO_PATH', object: 'public.a', message, fix: "kind 'tenant' or 'child'" })
  })

  test('that through sends to a table without tenants, or of a schema that takes no part', async () => {
    const sql = `${WORK} CREATE SCHEMA other; CREATE TABLE other.o (id int PRIMARY KEY); CREATE TABLE countries (id int PRIMARY KEY);
      CREATE TABLE a (c int REFERENCES countries, p int REFERENCES projects, o int REFERENCES other.o)`
    const tables = { countries: 'shared' } as const
    expectOne(await finder.problems(sql, { tables: { ...tables, a: { kind: 'child', through: 'c' } } }), {
      code: 'NO_PATH',
      object: 'public.a',
      message: "leads to public.countries, which is 'shared'",
      fix: "Make 'countries' a 'tenant' or a 'child'",
    })
    expectOne(await finder.problems(sql, { tables: { ...tables, a: { kind: 'child', through: 'o' } } }), {
      code: 'NO_PATH',
      object: 'public.a',
      message: 'leads to other.o, which takes no part',
      fix: 'Add schema "other"',
    })
  })

  test('that through names, but that is not there', async () => {
    const found = await finder.problems(`${WORK} CREATE TABLE a (project_id int REFERENCES projects)`, {
      tables: { a: { kind: 'child', through: 'projectid' } },
    })
    expectOne(found, {
      code: 'UNKNOWN_KEY',
      object: 'public.a',
      message: 'Did you mean "project_id"? It has a_project_id_fkey (project_id).',
      fix: 'one of its foreign keys',
    })
  })

  test('that could be one of several, each shown whole with what to write', async () => {
    const found = await finder.problems(
      `${WORK} CREATE TABLE tasks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects);
      CREATE TABLE comments (task_id int NOT NULL REFERENCES tasks, author_id int NOT NULL REFERENCES members)`,
      { tables: { tasks: 'child', comments: 'child' } },
    )
    expectOne(found, {
      code: 'AMBIGUOUS_PATH',
      object: 'public.comments',
      message: 'author_id -> public.members; task_id -> public.tasks, project_id -> public.projects.',
      fix: "'comments': { kind: 'child', through: 'author_id' } or { kind: 'child', through: 'task_id' }",
    })
  })

  test('that could be one of two foreign keys on one column', async () => {
    const sql = `${WORK} CREATE TABLE a (x int CONSTRAINT one REFERENCES projects CONSTRAINT two REFERENCES members)`
    for (const through of [undefined, 'x']) {
      const a = through === undefined ? ('child' as const) : { kind: 'child' as const, through }
      expectOne(await finder.problems(sql, { tables: { a } }), {
        code: 'AMBIGUOUS_PATH',
        object: 'public.a',
        message: 'x -> public.projects; x -> public.members',
        fix: "{ kind: 'child', through: 'one' } or { kind: 'child', through: 'two' }",
      })
    }
  })

  test.each([
    ['of all', undefined],
    ['that through makes', { kind: 'child', through: 'b' } as const],
  ])('that goes in a circle %s', async (_, through) => {
    const found = await finder.problems(
      `${WORK} CREATE TABLE a (id int PRIMARY KEY${through ? ', p int REFERENCES projects' : ''});
      CREATE TABLE b (id int PRIMARY KEY, c int); CREATE TABLE c (id int PRIMARY KEY, a int REFERENCES a);
      ALTER TABLE a ADD COLUMN b int REFERENCES b; ALTER TABLE b ADD FOREIGN KEY (c) REFERENCES c`,
      { tables: { a: through ?? 'child', b: 'child', c: 'child' } },
    )
    expectOne(found, {
      code: 'PATH_CYCLE',
      object: 'public.a',
      message: 'public.a -> public.b -> public.c -> public.a',
      fix: "'a': { kind: 'child', through: ",
    })
  })

  test('that through leads back to where it began', async () => {
    const found = await finder.problems(
      `${WORK} CREATE TABLE a (id int PRIMARY KEY, p int REFERENCES projects, up int REFERENCES a)`,
      {
        tables: { a: { kind: 'child', through: 'up' } },
      },
    )
    expectOne(found, {
      code: 'PATH_CYCLE',
      object: 'public.a',
      message: 'public.a -> public.a',
      fix: "'tenant'",
    })
  })

  test('that leads to a circle is a problem of its own', async () => {
    const found = await finder.problems(
      `${WORK} CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
      ALTER TABLE a ADD COLUMN b int REFERENCES b; CREATE TABLE c (a int REFERENCES a)`,
      { tables: { a: 'child', b: 'child', c: 'child' } },
    )
    expect(told(found)).toEqual([
      ['PATH_CYCLE', 'public.a'],
      ['NO_PATH', 'public.c'],
    ])
    expect(found[1]?.message).toContain('a leads to public.a, which is a child that finds none either')
  })
})
