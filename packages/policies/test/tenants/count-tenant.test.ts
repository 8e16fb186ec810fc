import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolvedTenancy } from '../../src/index.ts'
import { countTenant } from '../../src/tenants/count-tenant.ts'
import type { OpenDatabase } from '../support/open-database.ts'
import { acme, globex, openWorkshop, rejection, resolve, workshopModel } from './support/workshop.ts'

let database: OpenDatabase
let tenancy: ResolvedTenancy
beforeAll(async () => {
  ;({ database, tenancy } = await openWorkshop('count-tenant'))
})
afterAll(() => database.close())

test('the rows of a tenant are counted table by table, those of inheriting tables once', async () => {
  await database.superuser(`insert into notes values ('${globex}', 'one more')`)
  const { tables, rows, tenant } = await countTenant(database.system, tenancy, acme.toUpperCase())
  expect(tenant).toBe(acme)
  expect(tables[0]).toMatchObject({ table: 'public.tenants', rows: 1 })
  expect(Object.fromEntries(tables.map((each) => [each.table, each.rows]))).toMatchObject({
    'public.notes': 2,
    'public.pinned_notes': 1,
    'public.events': 6,
    'public.labels': 1,
  })
  expect(rows).toBe(27)
  expect((await countTenant(database.system, tenancy, globex)).rows).toBe(28)
})

test('the application role counts the same', async () => {
  expect(await countTenant(database.app, tenancy, acme)).toEqual(
    await countTenant(database.system, tenancy, acme),
  )
})

test('bytes are estimated from what the planner knows, and null where it knows nothing', async () => {
  const before = await countTenant(database.system, tenancy, acme)
  expect(before.tables.find(({ table }) => table === 'public.tasks')?.estimatedBytes).toBeNull()

  await database.superuser('analyze')
  const analysed = await resolve(database.superuser, workshopModel)
  const after = await countTenant(database.system, analysed, acme)
  // One page for six rows of each of three tenants.
  expect(after.tables.find(({ table }) => table === 'public.tasks')?.estimatedBytes).toBe(
    Math.round(8192 / 3),
  )
  expect(after.estimatedBytes).toBeGreaterThan(8192)
})

test('whoever would see a part, or the wrong tenant, is told so', async () => {
  const refused = await rejection(countTenant(database.owner, tenancy, acme))
  expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED' })
  expect(refused.message).toContain('tenantry_owner')
  await expect(countTenant(database.system, tenancy, '1')).rejects.toMatchObject({
    code: 'INVALID_TENANT_ID',
  })
  const nobody = '00000000-0000-4000-8000-000000000000'
  await expect(countTenant(database.system, tenancy, nobody)).rejects.toMatchObject({
    code: 'TENANT_NOT_FOUND',
  })
})
