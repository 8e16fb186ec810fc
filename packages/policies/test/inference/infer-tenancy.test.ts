import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { TenantryError } from '../../src/errors.ts'
import { inferTenancy } from '../../src/inference/infer-tenancy.ts'
import type { Inference, InferredTable, InferOptions, Question } from '../../src/inference/inference.ts'
import { defineTenancy } from '../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../src/model/resolve-tenancy.ts'
import type { TenancyOptions } from '../../src/model/tenancy.ts'
import type { Problem } from '../../src/problem.ts'
import { errorOf, openSchemaReader, type SchemaReader } from '../model/schema-reader.ts'
import {
  blog,
  crm,
  manyOrganisations,
  projectManagement,
  shop,
  workspacesOfOrganizations,
} from './schemas.ts'

let reader: SchemaReader

beforeAll(async () => {
  reader = await openSchemaReader('infer')
})
afterAll(() => reader.close())

/** Each table in a line: what it is, by what, how sure. */
function summary({ tables }: Inference): Record<string, string> {
  return Object.fromEntries(
    tables.map(({ table, kind, column, through, confidence }) => {
      const by = through ? ` through ${through.join(', ')}` : column ? ` by ${column}` : ''
      return [table, `${confidence}: ${kind ?? '?'}${by}`]
    }),
  )
}

function tableIn({ tables }: Inference, name: string): InferredTable {
  const found = tables.find(({ table }) => table === name)
  if (!found) throw new Error(`There is no ${name}`)
  return found
}

function questionIn({ questions }: Inference, name: string): Question {
  const found = questions.find(({ table }) => table === name)
  if (!found) throw new Error(`Nothing is asked about ${name}`)
  return found
}

/** That the proposal is a tenancy, and that it fits the database but for what was asked. */
function expectToFit(catalogue: Catalogue, { options, questions }: Inference): void {
  if (!options) throw new Error('There is no proposal')
  const asked = new Set(questions.map(({ table }) => `public.${table ?? ''}`))
  const problems = problemsFitting(catalogue, options)
  expect(problems.filter(({ object, code }) => code !== 'KIND_MISSING' || !asked.has(object))).toEqual([])
}

function problemsFitting(catalogue: Catalogue, options: TenancyOptions): readonly Problem[] {
  try {
    resolveTenancy(defineTenancy(options), catalogue)
    return []
  } catch (error) {
    if (TenantryError.isInstance(error) && error.code === 'TENANCY_DOES_NOT_FIT') return error.problems
    throw error
  }
}

describe('project management', () => {
  test('is divided among organizations', async () => {
    const catalogue = await reader.read(projectManagement)
    const found = inferTenancy(catalogue)
    expect(found.candidates[0]?.table).toBe('organizations')
    expect(found.candidates[0]?.reasons).toContain('4 of 9 other tables have its id in organization_id')
    expect(summary(found)).toEqual({
      _prisma_migrations: 'certain: excluded',
      attachments: 'likely: child through task_id',
      comments: 'likely: child through task_id',
      labels: 'certain: tenant by organization_id',
      plans: 'likely: shared',
      projects: 'certain: tenant by organization_id',
      settings: 'certain: tenant by organization_id',
      task_labels: 'ambiguous: ?',
      tasks: 'likely: child through project_id',
      users: 'certain: tenant by organization_id',
    })
    expect(found.options).toEqual({
      tenantTable: 'organizations',
      column: 'organization_id',
      tables: {
        attachments: { kind: 'child', through: 'task_id' },
        comments: { kind: 'child', through: 'task_id' },
        plans: 'shared',
        tasks: { kind: 'child', through: 'project_id' },
      },
    })
    expectToFit(catalogue, found)
  })

  test('fits once the one question is answered', async () => {
    const catalogue = await reader.read(projectManagement)
    const [question, ...others] = inferTenancy(catalogue).questions
    expect(others).toEqual([])
    expect(question?.table).toBe('task_labels')
    expect(question?.choices.map(({ write }) => write)).toEqual([
      "'task_labels': { kind: 'child', through: 'label_id' }",
      "'task_labels': { kind: 'child', through: 'task_id' }",
    ])
    const answered = inferTenancy(catalogue, {
      tables: { task_labels: { kind: 'child', through: 'task_id' } },
    })
    expect(answered.questions).toEqual([])
    expect(tableIn(answered, 'task_labels')).toMatchObject({ kind: 'child', confidence: 'certain' })
    expectToFit(catalogue, answered)
  })
})

test('a CRM without foreign keys to its companies', async () => {
  const catalogue = await reader.read(crm)
  const found = inferTenancy(catalogue)
  expect(summary(found)).toEqual({
    addresses: 'ambiguous: ?',
    contacts: 'likely: tenant by company_id',
    deal_notes: 'likely: child through deal_id',
    deals: 'certain: tenant by company_id',
    email_templates: 'ambiguous: ? by company_id',
    introductions: 'ambiguous: ?',
    job_queue: 'ambiguous: ?',
    schema_migrations: 'certain: excluded',
    stages: 'likely: tenant by company_id',
    users: 'likely: tenant by company_id',
  })
  expect(found.options).toEqual({
    tenantTable: 'companies',
    column: 'company_id',
    tables: { deal_notes: { kind: 'child', through: 'deal_id' } },
  })
  expect(found.questions.map(({ table }) => table)).toEqual([
    'addresses',
    'email_templates',
    'introductions',
    'job_queue',
  ])
  // Referred to by tenants and without a foreign key of its own, as countries are: but it is somebody's address.
  expect(tableIn(found, 'addresses').reasons).toContain('it has street')
  expect(tableIn(found, 'job_queue').reasons.join()).toContain(
    'contact_id is called like the key of public.contacts',
  )
  expect(questionIn(found, 'email_templates')).toMatchObject({
    question:
      "What is a row of public.email_templates whose company_id is NULL? Left out, it counts as 'tenant'.",
    choices: [{ write: "'email_templates': 'tenant'" }, { write: "'email_templates': 'shared+tenant'" }],
  })
  expect(questionIn(found, 'introductions').choices.map(({ write }) => write)).toEqual([
    "'introductions': { kind: 'tenant', column: 'from_company' }",
    "'introductions': { kind: 'tenant', column: 'to_company' }",
    "'introductions': 'excluded'",
  ])
  expectToFit(catalogue, found)
})

test('a shop with stores, by keys of several columns', async () => {
  const catalogue = await reader.read(shop)
  const found = inferTenancy(catalogue)
  expect(summary(found)).toEqual({
    countries: 'likely: shared',
    currencies: 'likely: shared',
    customers: 'certain: tenant by store_id',
    // It names the store only by its product, whose key it repeats.
    order_items: 'certain: tenant by store_id',
    orders: 'certain: tenant by store_id',
    products: 'certain: tenant by store_id',
    refunds: 'certain: child through order_id, line',
    reviews: 'ambiguous: ?',
    store_referrals: 'likely: tenant by store_id',
    tax_zones: 'likely: shared',
  })
  expect(tableIn(found, 'order_items').reasons).toEqual([
    'a foreign key leads from store_id to public.products.store_id',
  ])
  expect(tableIn(found, 'store_referrals').alternatives).toEqual([
    { kind: 'tenant', column: 'referred_store_id' },
  ])
  expect(tableIn(found, 'tax_zones').reasons).toContain('it only leads to public.countries')
  expect(tableIn(found, 'reviews').reasons).toContain('each of them may be NULL')
  expectToFit(catalogue, found)
  expectToFit(
    catalogue,
    inferTenancy(catalogue, { tables: { reviews: { kind: 'child', through: 'order_id' } } }),
  )
})

test('users in many organisations belong to none, and so does what hangs on them', async () => {
  const catalogue = await reader.read(manyOrganisations)
  const found = inferTenancy(catalogue)
  expect(summary(found)).toEqual({
    Document: 'certain: tenant by organisationId',
    Membership: 'certain: tenant by organisationId',
    Revision: 'certain: child through documentId',
    Session: 'ambiguous: ?',
    User: 'ambiguous: ?',
  })
  expect(questionIn(found, 'User').question).toBe(
    'Who may see public.User, whose rows may be in several tenants (public.Membership)?',
  )
  expect(questionIn(found, 'User').choices.map(({ write }) => write)).toEqual([
    "'User': 'excluded'",
    "'User': 'shared'",
    "'User': { kind: 'tenant', column: 'lastOrganisationId' }",
  ])
  expect(tableIn(found, 'Session').reasons.join()).toContain('it belongs to public.User')
  expect(found.options).toEqual({
    tenantTable: 'Organisation',
    column: 'organisationId',
    tables: { Revision: 'child' },
  })
  expectToFit(catalogue, found)
  expectToFit(catalogue, inferTenancy(catalogue, { tables: { User: 'excluded', Session: 'excluded' } }))
})

test('a blog is divided among nobody, and nothing is made up', async () => {
  const found = inferTenancy(await reader.read(blog))
  expect(found.options).toBeUndefined()
  expect(found.tables).toEqual([])
  expect(found.questions).toHaveLength(1)
  expect(found.questions[0]?.question).toContain('may not be divided among tenants yet')
})

test.each([
  'SELECT 1',
  'CREATE TABLE notes (id int PRIMARY KEY, body text)',
  'CREATE TABLE tenants (name text)',
])('without a table that could be it, nothing is proposed: %s', async (sql) => {
  const found = inferTenancy(await reader.read(sql))
  expect(found).toMatchObject({ candidates: [], tables: [], options: undefined })
  expect(found.questions[0]?.question).toContain('No table looks as if it had one row a tenant')
})

describe('the tenant table', () => {
  test('is asked for where tenants are divided again', async () => {
    const catalogue = await reader.read(workspacesOfOrganizations)
    const found = inferTenancy(catalogue)
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
    const catalogue = await reader.read(`CREATE TABLE clubs (id int PRIMARY KEY);
      CREATE TABLE matches (id int PRIMARY KEY, club_id int NOT NULL REFERENCES clubs);
      CREATE TABLE players (id int PRIMARY KEY, club_id int NOT NULL REFERENCES clubs);
      CREATE TABLE goals (id int PRIMARY KEY, match_id int NOT NULL REFERENCES matches ON DELETE CASCADE,
        player_id int NOT NULL REFERENCES players)`)
    const found = inferTenancy(catalogue)
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
    const found = inferTenancy(
      await reader.read(`CREATE TABLE tenants (id int PRIMARY KEY, parent_id int REFERENCES tenants);
        CREATE TABLE users (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants);
        ALTER TABLE tenants ADD COLUMN owner_id int REFERENCES users`),
    )
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
    const catalogue = await reader.read(`${TENANTS} CREATE TABLE x (${columns})`)
    const found = inferTenancy(catalogue)
    expect(summary(found)['x']).toBe(expected)
    // What is not sure is asked about, and everything else is not.
    expect(found.questions.map(({ table }) => table)).toEqual(expected.startsWith('ambiguous') ? ['x'] : [])
    expect(Object.hasOwn(found.options?.tables ?? {}, 'x')).toBe(
      !expected.startsWith('ambiguous') && !expected.endsWith('by tenant_id'),
    )
  })

  test('with two ways of which one comes by where the other ends', async () => {
    const catalogue = await reader.read(`${TENANTS}
      CREATE TABLE parts (id int PRIMARY KEY, thing_id int NOT NULL REFERENCES things);
      CREATE TABLE x (part_id int NOT NULL REFERENCES parts, thing_id int NOT NULL REFERENCES things)`)
    const found = inferTenancy(catalogue)
    expect(summary(found)).toMatchObject({ x: 'likely: child through thing_id' })
    expect(tableIn(found, 'x').reasons).toContain('the other ways come by public.things as well')
    expectToFit(catalogue, found)
  })

  test('people in a table without a tenant are not shown to all', async () => {
    const found = inferTenancy(
      await reader.read(`CREATE TABLE tenants (id int PRIMARY KEY);
        CREATE TABLE employees (id int PRIMARY KEY, name text UNIQUE);
        CREATE TABLE a (tenant_id int NOT NULL REFERENCES tenants, employee_id int REFERENCES employees);
        CREATE TABLE b (tenant_id int NOT NULL REFERENCES tenants)`),
    )
    expect(tableIn(found, 'employees')).toMatchObject({ kind: undefined, confidence: 'ambiguous' })
    expect(tableIn(found, 'employees').reasons).toContain('its rows look like people')
  })

  test('things that a key lets be in several tenants belong to none', async () => {
    const found = inferTenancy(
      await reader.read(`${TENANTS} CREATE TABLE documents (id int PRIMARY KEY);
        CREATE TABLE grants (document_id int REFERENCES documents, tenant_id int REFERENCES tenants,
          PRIMARY KEY (tenant_id, document_id))`),
    )
    expect(questionIn(found, 'documents').question).toContain('(public.grants)')
    expect(summary(found)).toMatchObject({ grants: 'certain: tenant by tenant_id' })
  })

  test('partitions are their tables, and what a plan made is what it was', async () => {
    const found = inferTenancy(
      await reader.read(`${TENANTS} CREATE UNIQUE INDEX ON things (tenant_id, id);
        CREATE TABLE parts (thing_id int, tenant_id int NOT NULL, FOREIGN KEY (tenant_id, thing_id) REFERENCES things (tenant_id, id));
        CREATE TABLE events (tenant_id int NOT NULL, at date) PARTITION BY RANGE (at);
        CREATE TABLE events_1 PARTITION OF events DEFAULT;
        CREATE SCHEMA tenantry; CREATE TABLE tenantry.x (id int)`),
    )
    expect(summary(found)).toEqual({
      events: 'likely: tenant by tenant_id',
      parts: 'certain: tenant by tenant_id',
      things: 'certain: tenant by tenant_id',
      users: 'certain: tenant by tenant_id',
    })
  })

  test('a column that all tables have for something else is not made the tenancy’s', async () => {
    const catalogue = await reader.read(`CREATE TABLE tenants (id int PRIMARY KEY);
      CREATE TABLE details (id int PRIMARY KEY REFERENCES tenants); CREATE TABLE limits (id int PRIMARY KEY REFERENCES tenants);
      CREATE TABLE a (id int PRIMARY KEY, tenant int NOT NULL REFERENCES tenants);
      CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a); CREATE TABLE countries (id int PRIMARY KEY)`)
    const found = inferTenancy(catalogue, { tenantTable: 'tenants' })
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
    const catalogue = await reader.read(
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
    const catalogue = await reader.read(projectManagement)
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
    const catalogue = await reader.read(projectManagement)
    const error = errorOf(() => inferTenancy(catalogue, options as InferOptions))
    expect(error.code).toBe('INVALID_TENANCY')
    expect(error.message).toContain(message)
  })
})
