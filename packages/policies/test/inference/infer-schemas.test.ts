import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inferTenancy } from '../../src/inference/infer-tenancy.ts'
import { expectToFit, type Inferrer, openInferrer, questionIn, summary, tableIn } from './inferring.ts'
import { blog, crm, manyOrganisations, projectManagement, shop } from './schemas.ts'

let inferrer: Inferrer

beforeAll(async () => {
  inferrer = await openInferrer('infer_schemas')
})
afterAll(() => inferrer.close())

describe('project management', () => {
  test('is divided among organizations', async () => {
    const { catalogue, found } = await inferrer.infer(projectManagement)
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
    const catalogue = await inferrer.read(projectManagement)
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
  const { catalogue, found } = await inferrer.infer(crm)
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
  const { catalogue, found } = await inferrer.infer(shop)
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
  const { catalogue, found } = await inferrer.infer(manyOrganisations)
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
  const { found } = await inferrer.infer(blog)
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
  const { found } = await inferrer.infer(sql)
  expect(found).toMatchObject({ candidates: [], tables: [], options: undefined })
  expect(found.questions[0]?.question).toContain('No table looks as if it had one row a tenant')
})
