import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../src/model/resolve-tenancy.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import type { Problem } from '../../src/problem.ts'
import { errorOf, openSchemaReader, problemsOf, type SchemaReader } from './schema-reader.ts'

let reader: SchemaReader

beforeAll(async () => {
  reader = await openSchemaReader('problems')
})
afterAll(() => reader.close())

type Options = Partial<TenancyOptions>

async function problems(sql: string, options: Options = {}): Promise<readonly Problem[]> {
  const tenancy = defineTenancy({ tenantTable: 'tenants', ...options })
  const catalogue = await reader.read(sql, tenancy.schemas)
  return problemsOf(() => resolveTenancy(tenancy, catalogue))
}

/** That there is one problem, and that its texts name things. */
function expectOne(
  found: readonly Problem[],
  { code, object, message, fix }: { code: string; object: string; message: string; fix: string },
): void {
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({
    code,
    object,
    message: expect.stringContaining(message),
    fix: expect.stringContaining(fix),
  })
}

const TENANTS = 'CREATE TABLE tenants (id uuid PRIMARY KEY);'
const WORK = `${TENANTS} CREATE TABLE projects (id int PRIMARY KEY, tenant_id uuid NOT NULL);
  CREATE TABLE members (id int PRIMARY KEY, tenant_id uuid NOT NULL);`

test('everything that does not fit is told at once, in the error and in its message', async () => {
  const tenancy = defineTenancy({
    tenantTable: 'tenants',
    tables: { task: 'child', notes: 'child', log: 'tenant' },
    roles: { owner: 'nobody_of_this_name' },
  })
  const catalogue = await reader.read(`${TENANTS}
    CREATE TABLE tasks (id int); CREATE TABLE notes (id int); CREATE TABLE log (id int);
    CREATE TABLE sessions (tenant_id text)`)
  const error = errorOf(() => resolveTenancy(tenancy, catalogue))
  expect(error.code).toBe('TENANCY_DOES_NOT_FIT')
  expect(error.problems.map(({ code, object }) => [code, object])).toEqual([
    ['UNKNOWN_TABLE', 'task'],
    ['KIND_MISSING', 'public.tasks'],
    ['UNKNOWN_COLUMN', 'public.log.tenant_id'],
    ['WRONG_TYPE', 'public.sessions.tenant_id'],
    ['NO_PATH', 'public.notes'],
    ['UNKNOWN_ROLE', 'role nobody_of_this_name'],
  ])
  expect(error.message).toContain('6 problems')
  for (const { message, fix } of error.problems) {
    expect(error.message).toContain(message)
    expect(error.message).toContain(fix)
  }
})

test('a thousand problems do not make a message of a thousand', async () => {
  const many = Array.from({ length: 120 }, (_, number) => `CREATE TABLE t${number} (id int);`).join('')
  const tenancy = defineTenancy({ tenantTable: 'tenants' })
  const catalogue = await reader.read(TENANTS + many)
  const error = errorOf(() => resolveTenancy(tenancy, catalogue))
  expect(error.problems).toHaveLength(120)
  expect(error.message).toContain('and 70 more')
})

describe('names', () => {
  test('a schema that is not there', async () => {
    const tenancy = defineTenancy({ tenantTable: 'tenants', schemas: ['public', 'pubic'] })
    const catalogue = await reader.read(TENANTS)
    expectOne(
      problemsOf(() => resolveTenancy(tenancy, catalogue)),
      {
        code: 'UNKNOWN_SCHEMA',
        object: 'schema pubic',
        message: 'Did you mean "public"?',
        fix: 'readCatalogue(query',
      },
    )
  })

  test.each([
    ['tenant', 'Did you mean "tenants"?'],
    ['"tenants"', 'Did you mean "tenants"?'],
    ['Tenants', 'Did you mean "tenants"?'],
    ['public.tenant', 'Did you mean "public.tenants"?'],
    ['nothing_like_it', 'is no table in "public".'],
  ])('a tenant table that is not there: %s', async (tenantTable, message) => {
    const found = await problems(`${WORK} CREATE TABLE tasks (id int REFERENCES projects)`, {
      tenantTable,
      schemas: ['public'],
      tables: { tasks: 'child' },
    })
    // Without it, what leads to a tenant is not known, and not reported either.
    expectOne(found, { code: 'UNKNOWN_TABLE', object: tenantTable, message, fix: 'as the catalogue has it' })
  })

  test('a table that is not there, that is a view, that is in another schema', async () => {
    const tenancy = defineTenancy({
      tenantTable: 'tenants',
      tables: { tasc: 'child', v: 'shared', o: 'shared' },
    })
    const catalogue = await reader.read(
      `${TENANTS} CREATE TABLE tasks (tenant_id uuid); CREATE VIEW v AS SELECT 1 AS x;
      CREATE SCHEMA other; CREATE TABLE other.o (id int)`,
      ['public', 'other'],
    )
    const found = problemsOf(() => resolveTenancy(tenancy, catalogue))
    expect(found.map(({ code, object }) => [code, object])).toEqual([
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
    const found = await problems(sql, { schemas: ['public', 'other'], tables: { things: 'shared' } })
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
    const found = await problems(
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
    const found = await problems(WORK, {
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
    const found = await problems(WORK, {
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
    const found = await problems(
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

describe('the tenant table', () => {
  test.each([
    ['id uuid', 'has no primary key'],
    ['id uuid UNIQUE NOT NULL', 'has no primary key'],
    ['id uuid, region text, PRIMARY KEY (id, region)', 'has several columns, id, region'],
  ])('without a key of one column: %s', async (columns, message) => {
    const found = await problems(`CREATE TABLE tenants (${columns}); CREATE TABLE a (tenant_id text)`)
    expectOne(found, {
      code: 'NO_TENANT_KEY',
      object: 'public.tenants',
      message,
      fix: 'a primary key of one column',
    })
  })

  test.each(['numeric', 'date', 'char(4)', 'bytea'])('with a key of type %s', async (type) => {
    const found = await problems(
      `CREATE TABLE tenants (id ${type} PRIMARY KEY); CREATE TABLE a (tenant_id ${type})`,
    )
    expectOne(found, {
      code: 'WRONG_TYPE',
      object: 'public.tenants.id',
      message: 'is of type ',
      fix: 'uuid, bigint, integer',
    })
  })

  test('with a key of another type than was said', async () => {
    expectOne(await problems(TENANTS, { tenantId: 'bigint' }), {
      code: 'WRONG_TYPE',
      object: 'public.tenants.id',
      message: 'tenantId is "bigint", but the key of the tenant table, public.tenants.id, is of type uuid',
      fix: "tenantId: 'uuid'",
    })
  })

  test('that is a partition', async () => {
    const found = await problems(
      `CREATE TABLE everyone (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE tenants PARTITION OF everyone DEFAULT`,
      { tables: { everyone: 'shared' } },
    )
    expectOne(found, {
      code: 'UNSUPPORTED_TABLE',
      object: 'public.tenants',
      message: 'is a partition of public.everyone',
      fix: 'Name public.everyone instead.',
    })
  })
})

describe('kinds', () => {
  test.each([
    [
      'org uuid REFERENCES tenants',
      'It seems to name its tenant in org.',
      "'x': { kind: 'tenant', column: 'org' }",
    ],
    [
      '"tenantId" uuid',
      'It seems to name its tenant in tenantId.',
      "'x': { kind: 'tenant', column: 'tenantId' }",
    ],
    ['project_id int REFERENCES projects', 'It reaches tenants through project_id.', "'x': 'child'"],
    ['y int REFERENCES y', 'It reaches tenants through y.', "'x': 'child'"],
    [
      'p int REFERENCES projects, m int REFERENCES members',
      'It reaches tenants through m and p.',
      "'x': { kind: 'child', through: 'm' } or 'x': { kind: 'child', through: 'p' }",
    ],
    ['id int', 'No foreign key leads from it to a tenant.', "'x': 'shared' or 'x': 'excluded'"],
  ])('a table with %s that nobody named', async (columns, message, fix) => {
    const found = await problems(
      `${WORK} CREATE TABLE y (id int PRIMARY KEY REFERENCES projects); CREATE TABLE x (${columns})`,
      { tables: { y: 'child' } },
    )
    expectOne(found, { code: 'KIND_MISSING', object: 'public.x', message, fix })
  })

  test('a table that others refer to, and one that reaches tenants by one without a kind', async () => {
    const found = await problems(
      `${WORK} CREATE TABLE countries (id int PRIMARY KEY);
      CREATE TABLE tasks (id int PRIMARY KEY, project_id int REFERENCES projects, country int REFERENCES countries);
      CREATE TABLE notes (task_id int REFERENCES tasks)`,
    )
    expect(found).toMatchObject([
      { object: 'public.countries', message: expect.stringContaining('public.tasks refers to it') },
      { object: 'public.notes', fix: "Name it in tables: 'notes': 'child'." },
      { object: 'public.tasks', fix: "Name it in tables: 'tasks': 'child'." },
    ])
  })

  test.each(['tenant', 'shared+tenant'] as const)('a %s table without the column', async (kind) => {
    const found = await problems(`${TENANTS} CREATE TABLE a (id int, tenantid uuid)`, { tables: { a: kind } })
    expectOne(found, {
      code: 'UNKNOWN_COLUMN',
      object: 'public.a.tenant_id',
      message: 'Did you mean "tenantid"?',
      fix: "'a': 'child'",
    })
  })

  test.each([
    ['tenant', 'text', 'ALTER COLUMN'],
    ['shared+tenant', 'bigint', 'ALTER COLUMN'],
    ['child', 'int', "{ kind: 'child', column: "],
  ] as const)('a %s table with a column of type %s', async (kind, type, fix) => {
    const found = await problems(`${WORK} CREATE TABLE a (tenant_id ${type}, p int REFERENCES projects)`, {
      tables: { a: kind },
    })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ code: 'WRONG_TYPE', object: 'public.a.tenant_id' })
    expect(found[0]?.message).toContain("but tenants' ids are of type uuid")
    expect(found[0]?.fix).toContain(fix)
  })

  test('a column that is worked out from others', async () => {
    const found = await problems(`CREATE TABLE tenants (id int PRIMARY KEY);
      CREATE TABLE a (nr int, tenant_id int GENERATED ALWAYS AS (nr / 100) STORED);
      CREATE TABLE b (tenant_id int GENERATED BY DEFAULT AS IDENTITY)`)
    expect(found).toMatchObject([
      {
        code: 'UNSUPPORTED_TABLE',
        object: 'public.a.tenant_id',
        fix: expect.stringContaining('DROP EXPRESSION'),
      },
      {
        code: 'UNSUPPORTED_TABLE',
        object: 'public.b.tenant_id',
        fix: expect.stringContaining('DROP IDENTITY'),
      },
    ])
  })

  test('a column of the right name and type that is something else: a renter', async () => {
    const sql = `${WORK} CREATE TABLE renters (id uuid PRIMARY KEY); 
      CREATE TABLE leases (tenant_id uuid REFERENCES renters, project_id int REFERENCES projects)`
    expectOne(await problems(sql, { tables: { renters: 'shared' } }), {
      code: 'AMBIGUOUS_NAME',
      object: 'public.leases.tenant_id',
      message: 'refers to public.renters',
      fix: "'leases': { kind: 'tenant', column: ",
    })
    expectOne(await problems(sql, { tables: { renters: 'shared', leases: 'child' } }), {
      code: 'AMBIGUOUS_NAME',
      object: 'public.leases.tenant_id',
      message: 'refers to public.renters',
      fix: "'leases': { kind: 'child', column: ",
    })
  })

  test.each(['tenant', 'child', 'shared+tenant'] as const)('a foreign table as %s', async (kind) => {
    const sql = `${WORK} CREATE TABLE remote (id int, tenant_id uuid, p int REFERENCES projects)`
    const tenancy = defineTenancy({ tenantTable: 'tenants', tables: { remote: kind } })
    const catalogue = await reader.read(sql)
    const tables = catalogue.tables.map((table) =>
      table.name === 'remote' ? Object.assign({}, table, { kind: 'foreign' }) : table,
    )
    expectOne(
      problemsOf(() => resolveTenancy(tenancy, { ...catalogue, tables })),
      {
        code: 'UNSUPPORTED_TABLE',
        object: 'public.remote',
        message: 'is a foreign table',
        fix: "'remote': 'excluded'",
      },
    )
  })

  test('a partition by its own name, and one whose table takes no part', async () => {
    const sql = `${TENANTS} CREATE SCHEMA other; CREATE TABLE events (tenant_id uuid, id int) PARTITION BY RANGE (id);
      CREATE TABLE events_1 PARTITION OF events DEFAULT;
      CREATE TABLE other.logs (id int) PARTITION BY RANGE (id); CREATE TABLE logs_1 PARTITION OF other.logs DEFAULT`
    expect(await problems(sql, { tables: { events_1: 'excluded' } })).toMatchObject([
      {
        code: 'UNSUPPORTED_TABLE',
        object: 'public.logs_1',
        fix: expect.stringContaining('Add schema "other"'),
      },
      { code: 'UNSUPPORTED_TABLE', object: 'public.events_1', fix: 'Name public.events instead.' },
    ])
  })

  test('tenants in a table that inherits from one that all read', async () => {
    const found = await problems(
      `${TENANTS} CREATE TABLE base (id int); CREATE TABLE derived (tenant_id uuid) INHERITS (base)`,
      { tables: { base: 'shared' } },
    )
    expectOne(found, {
      code: 'UNSUPPORTED_TABLE',
      object: 'public.derived',
      message: "inherits from public.base, which is 'shared'",
      fix: 'NO INHERIT',
    })
  })
})

describe('the way of a child', () => {
  test.each([
    ['nothing', 'id int', 'it has no foreign key to a table that has one'],
    ['itself', 'id int PRIMARY KEY, parent int REFERENCES a', 'its only foreign key leads back to itself'],
    ['a shared table', 'c int REFERENCES countries', "c leads to public.countries, which is 'shared'"],
    ['an excluded table', 'j int REFERENCES jobs', "j leads to public.jobs, which is 'excluded'"],
    ['a table with rows of nobody', 't int REFERENCES templates', 'with rows that have no tenant'],
  ])('that leads to %s', async (_, columns, message) => {
    const found = await problems(
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
    expectOne(await problems(sql, { tables: { ...tables, a: { kind: 'child', through: 'c' } } }), {
      code: 'NO_PATH',
      object: 'public.a',
      message: "leads to public.countries, which is 'shared'",
      fix: "Make 'countries' a 'tenant' or a 'child'",
    })
    expectOne(await problems(sql, { tables: { ...tables, a: { kind: 'child', through: 'o' } } }), {
      code: 'NO_PATH',
      object: 'public.a',
      message: 'leads to other.o, which takes no part',
      fix: 'Add schema "other"',
    })
  })

  test('that through names, but that is not there', async () => {
    const found = await problems(`${WORK} CREATE TABLE a (project_id int REFERENCES projects)`, {
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
    const found = await problems(
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
      expectOne(await problems(sql, { tables: { a } }), {
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
    const found = await problems(
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
    const found = await problems(
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
    const found = await problems(
      `${WORK} CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
      ALTER TABLE a ADD COLUMN b int REFERENCES b; CREATE TABLE c (a int REFERENCES a)`,
      { tables: { a: 'child', b: 'child', c: 'child' } },
    )
    expect(found.map(({ code, object }) => [code, object])).toEqual([
      ['PATH_CYCLE', 'public.a'],
      ['NO_PATH', 'public.c'],
    ])
    expect(found[1]?.message).toContain('a leads to public.a, which is a child that finds none either')
  })
})

test('a server older than 14', async () => {
  const catalogue = await reader.read(TENANTS)
  const tenancy = defineTenancy({ tenantTable: 'tenants' })
  expectOne(
    problemsOf(() => resolveTenancy(tenancy, { ...catalogue, serverVersion: 130_022 })),
    { code: 'SERVER_TOO_OLD', object: 'PostgreSQL 13.22', message: 'needs 14 or later', fix: 'Upgrade' },
  )
})

describe('roles', () => {
  const name = (role: string) => `model_${role}_${suffix}`
  const suffix = randomBytes(4).toString('hex')
  const made = ['super', 'bypass', 'replication', 'plain', 'member', 'deep', 'files', 'owner', 'admin']

  beforeAll(async () => {
    await reader.database.superuser(`
      CREATE ROLE ${name('super')} SUPERUSER; CREATE ROLE ${name('bypass')} BYPASSRLS;
      CREATE ROLE ${name('replication')} REPLICATION; CREATE ROLE ${name('plain')}; CREATE ROLE ${name('owner')};
      CREATE ROLE ${name('member')} NOINHERIT IN ROLE ${name('bypass')};
      CREATE ROLE ${name('deep')} IN ROLE ${name('member')};
      CREATE ROLE ${name('files')}; GRANT pg_execute_server_program TO ${name('files')};
      CREATE ROLE ${name('admin')}; GRANT ${name('owner')} TO ${name('admin')} WITH ADMIN OPTION`)
  })
  afterAll(async () => {
    await reader.read('SELECT 1')
    await reader.database.superuser(`DROP ROLE ${made.map(name).join(', ')}`)
  })

  test.each([
    ['super', 'is SUPERUSER', 'NOSUPERUSER'],
    ['bypass', 'is BYPASSRLS', 'NOBYPASSRLS'],
    ['replication', 'is REPLICATION', 'NOREPLICATION'],
  ])('the application as %s', async (role, message, fix) => {
    expectOne(await problems(TENANTS, { roles: { app: name(role) } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name(role)}`,
      message,
      fix: `ALTER ROLE ${name(role)} ${fix}`,
    })
  })

  test.each([
    ['member', ['bypass'], 'is BYPASSRLS'],
    ['deep', ['member', 'bypass'], 'is BYPASSRLS'],
    ['files', ['pg_execute_server_program'], "reaches the server's files"],
  ])('the application as %s, which can act as another', async (role, way, message) => {
    const roles = way.map((each) => (each.startsWith('pg_') ? each : name(each)))
    const [found, ...others] = await problems(TENANTS, { roles: { app: name(role) } })
    expect(others).toEqual([])
    expect(found).toMatchObject({ code: 'UNSAFE_ROLE', object: `role ${name(role)}` })
    expect(found?.message).toContain([name(role), ...roles].join(' -> '))
    expect(found?.message).toContain(message)
    expect(found?.fix).toContain(`REVOKE ${roles[0] ?? ''} FROM ${name(role)}`)
  })

  test('the application as the owner of tables, unless they get another one', async () => {
    const sql = `${TENANTS} CREATE TABLE a (tenant_id uuid); CREATE TABLE x (id int);
      GRANT USAGE, CREATE ON SCHEMA public TO ${name('owner')}; SET ROLE ${name('owner')};
      CREATE TABLE b (tenant_id uuid)`
    const tables = { x: 'excluded' } as const
    const [tablesFirst, thenSchema] = await problems(sql, { tables, roles: { app: 'tenantry_owner' } })
    expect(tablesFirst).toMatchObject({ code: 'UNSAFE_ROLE', object: 'role tenantry_owner' })
    expect(tablesFirst?.message).toContain('owns public.a, public.tenants')
    expect(tablesFirst?.fix).toContain('roles: { owner: ')
    expect(thenSchema?.message).toContain('owns schema public')
    expectOne(await problems(sql, { tables, roles: { app: name('admin') } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name('admin')}`,
      message: `${name('owner')} owns public.b`,
      fix: `REVOKE ${name('owner')} FROM ${name('admin')}`,
    })
    const tenancy = defineTenancy({
      tenantTable: 'tenants',
      tables,
      roles: { app: name('owner'), owner: 'tenantry_owner' },
    })
    const catalogue = await reader.read(sql)
    expect(resolveTenancy(tenancy, catalogue).tenantTables).toHaveLength(3)
  })

  test('the application as the owner of the schema, in which it could drop every table', async () => {
    const roles = { app: name('plain'), owner: 'tenantry_owner' }
    const tenancy = defineTenancy({ tenantTable: 'tenants', roles })
    const catalogue = await reader.read(TENANTS)
    const ownedBy = (owner: string) => catalogue.schemas.map((schema) => Object.assign({}, schema, { owner }))
    expectOne(
      problemsOf(() => resolveTenancy(tenancy, { ...catalogue, schemas: ownedBy(name('plain')) })),
      {
        code: 'UNSAFE_ROLE',
        object: `role ${name('plain')}`,
        message: 'owns schema public',
        fix: 'ALTER SCHEMA public OWNER TO tenantry_owner',
      },
    )
    const database = { ...catalogue.database, owner: name('plain') }
    expectOne(
      problemsOf(() =>
        resolveTenancy(tenancy, { ...catalogue, database, schemas: ownedBy('pg_database_owner') }),
      ),
      {
        code: 'UNSAFE_ROLE',
        object: `role ${name('plain')}`,
        message: 'owns the database',
        fix: `ALTER DATABASE ${catalogue.database.name} OWNER TO tenantry_owner`,
      },
    )
  })

  test('an owner that does not exist', async () => {
    expectOne(await problems(TENANTS, { roles: { owner: 'tenantry_onwer' } }), {
      code: 'UNKNOWN_ROLE',
      object: 'role tenantry_onwer',
      message: 'Did you mean "tenantry_owner"?',
      fix: 'CREATE ROLE tenantry_onwer',
    })
  })

  test('a system role that would see nothing', async () => {
    expectOne(await problems(TENANTS, { roles: { system: name('plain') } }), {
      code: 'UNSAFE_ROLE',
      object: `role ${name('plain')}`,
      message: 'which has no BYPASSRLS: it would see no rows',
      fix: `ALTER ROLE ${name('plain')} BYPASSRLS`,
    })
  })

  test('roles that do not exist yet are for the plan to make', async () => {
    const tenancy = defineTenancy({
      tenantTable: 'tenants',
      roles: { app: name('later'), system: name('later_too') },
    })
    expect(resolveTenancy(tenancy, await reader.read(TENANTS)).root.column).toBe('id')
  })
})
