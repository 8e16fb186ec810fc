import { afterAll, beforeAll, describe, test } from 'vitest'
import { expectOne, type Finder, openFinder, TENANTS } from './finding.ts'

let finder: Finder

beforeAll(async () => {
  finder = await openFinder('problems_tenant_table')
})
afterAll(() => finder.close())

describe('the tenant table', () => {
  test.each([
    ['id uuid', 'has no primary key'],
    ['id uuid UNIQUE NOT NULL', 'has no primary key'],
    ['id uuid, region text, PRIMARY KEY (id, region)', 'has several columns, id, region'],
  ])('without a key of one column: %s', async (columns, message) => {
    const found = await finder.problems(`CREATE TABLE tenants (${columns}); CREATE TABLE a (tenant_id text)`)
    expectOne(found, {
      code: 'NO_TENANT_KEY',
      object: 'public.tenants',
      message,
      fix: 'a primary key of one column',
    })
  })

  test.each(['numeric', 'date', 'char(4)', 'bytea'])('with a key of type %s', async (type) => {
    const found = await finder.problems(
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
    expectOne(await finder.problems(TENANTS, { tenantId: 'bigint' }), {
      code: 'WRONG_TYPE',
      object: 'public.tenants.id',
      message: 'tenantId is "bigint", but the key of the tenant table, public.tenants.id, is of type uuid',
      fix: "tenantId: 'uuid'",
    })
  })

  test('that is a partition', async () => {
    const found = await finder.problems(
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
