import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inferTenancy } from '../../src/inference/infer-tenancy.ts'
import type { InferOptions } from '../../src/inference/inference.ts'
import { errorOf } from '../model/schema-reader.ts'
import { expectToFit, type Inferrer, openInferrer, questionIn, summary, tableIn } from './inferring.ts'
import { projectManagement, workspacesOfOrganizations } from './schemas.ts'

let inferrer: Inferrer

beforeAll(async () => {
  inferrer = await openInferrer('infer')
})
afterAll(() => inferrer.close())

describe('the tenant table', () => {
  test('is asked for where tenants are divided again', async () => {
    const { catalogue, found } = await inferrer.infer(workspacesOfOrganizations)
    expect(found.options).toBeUndefined()
    expect(found.candidates.map(({ table }) => table)).toEqual(['organizations', 'workspaces'])
    expect(found.questions[0]?.choices.map(({ write }) => write)).toEqual([
      "inferTenancy(catalogue, { tenantTable: 'organizations' })",
      "inferTenancy(catalogue, { tenantTable: 'workspaces' })",
    ])
    const chosen = inferTenancy(catalogue, { tenantTable: 'organizations' })
    expect(summary(chosen)).toMatchObject({
      workspaces: 'certain: tenant by organization_id',
      boards: 'certain: child through workspace_id',
    })
    expectToFit(catalogue, chosen)
    expect(summary(inferTenancy(catalogue, { tenantTable: 'workspaces' }))).toMatchObject({
      boards: 'certain: tenant by workspace_id',
      organizations: 'ambiguous: ?',
    })
  })

  test('of a name that says nothing is proposed, and asked about', async () => {
    const { catalogue, found } = await inferrer.infer(`CREATE TABLE clubs (id int PRIMARY KEY);
      CREATE TABLE matches (id int PRIMARY KEY, club_id int NOT NULL REFERENCES clubs);
      CREATE TABLE players (id int PRIMARY KEY, club_id int NOT NULL REFERENCES clubs);
      CREATE TABLE goals (id int PRIMARY KEY, match_id int NOT NULL REFERENCES matches ON DELETE CASCADE,
        player_id int NOT NULL REFERENCES players)`)
    expect(found.options).toEqual({
      tenantTable: 'clubs',
      column: 'club_id',
      tables: { goals: { kind: 'child', through: 'match_id' } },
    })
    expect(tableIn(found, 'goals').reasons).toContain('its rows go when the one that match_id names goes')
    expect(found.questions).toMatchObject([
      { table: 'clubs', question: expect.stringContaining('Its name does not say so') },
    ])
    const sure = inferTenancy(catalogue, { tenantTable: 'clubs' })
    expect(sure.questions).toEqual([])
    expectToFit(catalogue, sure)
  })

  test('may refer to itself and to its users', async () => {
    const { found } =
      await inferrer.infer(`CREATE TABLE tenants (id int PRIMARY KEY, parent_id int REFERENCES tenants);
        CREATE TABLE users (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);
        ALTER TABLE tenants ADD COLUMN owner_id int REFERENCES users`)
    expect(found.options).toEqual({ tenantTable: 'tenants' })
    expect(found.questions).toEqual([])
  })
})

describe('what a table is', () => {
  const TENANTS = `CREATE TABLE tenants (id int PRIMARY KEY);
    CREATE TABLE users (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);
    CREATE TABLE things (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);`

  test.each([
    // Rows that are in the tenant's by the same key.
    ['id int PRIMARY KEY REFERENCES tenants', 'certain: tenant by id'],
    ['org int NOT NULL REFERENCES tenants', 'certain: tenant by org'],
    ['tenant_id int NOT NULL', 'likely: tenant by tenant_id'],
    ['tenant_id text NOT NULL', 'ambiguous: ?'],
    ['tenant_id int', 'ambiguous: ? by tenant_id'],
    ['thing_id int NOT NULL REFERENCES things', 'certain: child through thing_id'],
    ['thing_id int REFERENCES things', 'likely: child through thing_id'],
    ['created_by int NOT NULL REFERENCES users', 'ambiguous: ?'],
    ['thing_id int NOT NULL', 'ambiguous: ?'],
    ['code text PRIMARY KEY, label text', 'likely: shared'],
    ['id int PRIMARY KEY, label text', 'ambiguous: ?'],
    ['name text UNIQUE, email text', 'ambiguous: ?'],
    ['id int PRIMARY KEY, parent int REFERENCES x', 'ambiguous: ?'],
    ['x int NOT NULL REFERENCES users, y int NOT NULL REFERENCES things', 'ambiguous: ?'],
  ])('with %s', async (columns, expected) => {
    const { found } = await inferrer.infer(`${TENANTS} CREATE TABLE x (${columns})`)
    expect(summary(found)['x']).toBe(expected)
    // What is not sure is asked about, and everything else is not.
    expect(found.questions.map(({ table }) => table)).toEqual(expected.startsWith('ambiguous') ? ['x'] : [])
    expect(Object.hasOwn(found.options?.tables ?? {}, 'x')).toBe(
      !expected.startsWith('ambiguous') && !expected.endsWith('by tenant_id'),
    )
  })

  test('with two ways of which one comes by where the other ends', async () => {
    const { catalogue, found } = await inferrer.infer(`${TENANTS}
      CREATE TABLE parts (id int PRIMARY KEY, thing_id int NOT NULL REFERENCES things);
      CREATE TABLE x (part_id int NOT NULL REFERENCES parts, thing_id int NOT NULL REFERENCES things)`)
    expect(summary(found)).toMatchObject({ x: 'likely: child through thing_id' })
    expect(tableIn(found, 'x').reasons).toContain('the other ways come by public.things as well')
    expectToFit(catalogue, found)
  })

  test('people in a table without a tenant are not shown to all', async () => {
    const { found } = await inferrer.infer(`CREATE TABLE tenants (id int PRIMARY KEY);
        CREATE TABLE employees (id int PRIMARY KEY, name text UNIQUE);
        CREATE TABLE a (tenant_id int NOT NULL REFERENCES tenants, employee_id int REFERENCES employees);
        CREATE TABLE b (tenant_id int NOT NULL REFERENCES tenants)`)
    expect(tableIn(found, 'employees')).toMatchObject({ kind: undefined, confidence: 'ambiguous' })
    expect(tableIn(found, 'employees').reasons).toContain('its rows look like people')
  })

  test('things that a key lets be in several tenants belong to none', async () => {
    const { found } = await inferrer.infer(`${TENANTS} CREATE TABLE documents (id int PRIMARY KEY);
        CREATE TABLE grants (document_id int REFERENCES documents, tenant_id int REFERENCES tenants,
          PRIMARY KEY (tenant_id, document_id))`)
    expect(questionIn(found, 'documents').question).toContain('(public.grants)')
    expect(summary(found)).toMatchObject({ grants: 'certain: tenant by tenant_id' })
  })

  test('partitions are their tables, and what a plan made is what it was', async () => {
    const { found } = await inferrer.infer(`${TENANTS} CREATE UNIQUE INDEX ON things (tenant_id, id);
        CREATE TABLE parts (thing_id int, tenant_id int NOT NULL, FOREIGN KEY (tenant_id, thing_id) REFERENCES things (tenant_id, id));
        CREATE TABLE events (tenant_id int NOT NULL, at date) PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events DEFAULT;
        CREATE SCHEMA tenantry; CREATE TABLE tenantry.x (id int)`)
    expect(summary(found)).toEqual({
      events: 'likely: tenant by tenant_id',
      parts: 'certain: tenant by tenant_id',
      things: 'certain: tenant by tenant_id',
      users: 'certain: tenant by tenant_id',
    })
  })

  test('a column that all tables have for something else is not made the tenancy’s', async () => {
    const { catalogue, found } = await inferrer.infer(
      `CREATE TABLE tenants (id int PRIMARY KEY);
      CREATE TABLE details (id int PRIMARY KEY REFERENCES tenants); CREATE TABLE limits (id int PRIMARY KEY REFERENCES tenants);
      CREATE TABLE a (id int PRIMARY KEY, tenant int NOT NULL REFERENCES tenants);
      CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a); CREATE TABLE countries (id int PRIMARY KEY)`,
      { tenantTable: 'tenants' },
    )
    expect(found.options).toEqual({
      tenantTable: 'tenants',
      column: 'tenant',
      tables: {
        b: 'child',
        countries: 'shared',
        details: { kind: 'tenant', column: 'id' },
        limits: { kind: 'tenant', column: 'id' },
      },
    })
    expectToFit(catalogue, found)
  })
})

describe('schemas and names', () => {
  test('of several schemas are written so that they are found', async () => {
    const catalogue = await inferrer.read(
      `CREATE SCHEMA crm; CREATE TABLE crm.tenants (id int PRIMARY KEY);
      CREATE TABLE crm."it's" (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES crm.tenants);
      CREATE TABLE crm.notes (it int NOT NULL REFERENCES crm."it's"); CREATE TABLE notes (it int NOT NULL REFERENCES crm."it's");
      CREATE TABLE "__proto__" (it int NOT NULL REFERENCES crm."it's")`,
      ['public', 'crm'],
    )
    const found = inferTenancy(catalogue)
    expect(found.options?.schemas).toEqual(['crm', 'public'])
    expect(Object.entries(found.options?.tables ?? {})).toEqual([
      ['crm.notes', 'child'],
      ['__proto__', 'child'],
      ['public.notes', 'child'],
    ])
    expectToFit(catalogue, found)
    const asked = inferTenancy(catalogue, { schemas: ['crm'] })
    expect(asked.options).toEqual({ tenantTable: 'tenants', schemas: ['crm'], tables: { notes: 'child' } })
  })
})

describe('options that cannot be', () => {
  test.each<[InferOptions, string, string]>([
    [{ tenantTable: 'organisation' }, 'UNKNOWN_TABLE', 'Did you mean "organizations"?'],
    [{ tables: { plan: 'shared' } }, 'UNKNOWN_TABLE', 'Did you mean "plans"?'],
    [{ schemas: ['publik'] }, 'UNKNOWN_SCHEMA', 'Did you mean "public"?'],
    [{ tenantTable: 'task_labels' }, 'NO_TENANT_KEY', 'no primary key of one column'],
  ])('%j', async (options, code, message) => {
    const catalogue = await inferrer.read(projectManagement)
    const error = errorOf(() => inferTenancy(catalogue, options))
    expect(error.code).toBe('TENANCY_DOES_NOT_FIT')
    expect(error.problems.map((problem) => problem.code)).toContain(code)
    expect(error.message).toContain(message)
  })

  test.each<[unknown, string]>([
    [{ tenantsTable: 'x' }, 'Did you mean "tenantTable"?'],
    [{ tables: { users: 'shard' } }, 'Did you mean "shared"?'],
    [{ schemas: 'public' }, 'Give a list of schemas'],
  ])('%j', async (options, message) => {
    const catalogue = await inferrer.read(projectManagement)
    const error = errorOf(() => inferTenancy(catalogue, options as InferOptions))
    expect(error.code).toBe('INVALID_TENANCY')
    expect(error.message).toContain(message)
  })
})
