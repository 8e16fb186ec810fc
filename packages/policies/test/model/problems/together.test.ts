import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import { errorOf } from '../schema-reader.ts'
import { expectOne, type Finder, openFinder, TENANTS, told } from './finding.ts'

let finder: Finder

beforeAll(async () => {
  finder = await openFinder('problems')
})
afterAll(() => finder.close())

test('everything that does not fit is told at once, in the error and in its message', async () => {
  const tenancy = defineTenancy({
    tenantTable: 'tenants',
    tables: { task: 'child', notes: 'child', log: 'tenant' },
    roles: { owner: 'nobody_of_this_name' },
  })
  const catalogue = await finder.read(`${TENANTS}
    CREATE TABLE tasks (id int); CREATE TABLE notes (id int); CREATE TABLE log (id int);
    CREATE TABLE sessions (tenant_id text)`)
  const error = errorOf(() => resolveTenancy(tenancy, catalogue))
  expect(error.code).toBe('TENANCY_DOES_NOT_FIT')
  expect(told(error.problems)).toEqual([
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
  const catalogue = await finder.read(TENANTS + many)
  const error = errorOf(() => resolveTenancy(tenancy, catalogue))
  expect(error.problems).toHaveLength(120)
  expect(error.message).toContain('and 70 more')
})

test('a server older than 14', async () => {
  const change = (): Partial<Catalogue> => ({ serverVersion: 130_022 })
  expectOne(await finder.problems(TENANTS, {}, { change }), {
    code: 'SERVER_TOO_OLD',
    object: 'PostgreSQL 13.22',
    message: 'needs 14 or later',
    fix: 'Upgrade',
  })
})
