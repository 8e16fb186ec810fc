import type { Generated, Insertable, Kysely, Selectable, Updateable } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { currentTenantId, type TenantOwned } from '../src/index.ts'

interface Projects {
  id: Generated<string>
  name: string
  budget: number | null
}

interface Database {
  projects: TenantOwned<Projects>
  invoices: TenantOwned<{ id: Generated<number>; total: string }, 'companyId', number>
  countries: { code: string }
}

declare const db: Kysely<Database>

describe('TenantOwned', () => {
  test('the tenant is selected, and neither inserted nor updated', () => {
    type Table = TenantOwned<Projects>
    expectTypeOf<Selectable<Table>['tenant_id']>().toEqualTypeOf<string>()
    expectTypeOf<Insertable<Table>>().not.toHaveProperty('tenant_id')
    expectTypeOf<Updateable<Table>>().not.toHaveProperty('tenant_id')
  })

  test('other columns come through untouched', () => {
    type Table = TenantOwned<Projects>
    expectTypeOf<Insertable<Table>>().toEqualTypeOf<Insertable<Projects>>()
    expectTypeOf<Updateable<Table>>().toEqualTypeOf<Updateable<Projects>>()
    expectTypeOf<Omit<Selectable<Table>, 'tenant_id'>>().toEqualTypeOf<Selectable<Projects>>()
  })

  test('statements that name the tenant do not compile', () => {
    // @ts-expect-error the database says whose a row is
    db.insertInto('projects').values({ name: 'a', tenant_id: 'somebody' })
    // @ts-expect-error a row stays whose it is
    db.updateTable('projects').set({ tenant_id: 'somebody' })
    db.insertInto('projects').values({ name: 'a' })
    db.updateTable('projects').set({ budget: null })
  })

  test('the column and the type of the id may be others', () => {
    const row = db.selectFrom('invoices').selectAll().executeTakeFirstOrThrow()
    expectTypeOf(row).resolves.toEqualTypeOf<{ companyId: number; id: number; total: string }>()
    // @ts-expect-error under its own name as well
    db.insertInto('invoices').values({ total: '1', companyId: 1 })
  })

  test('rows, returning and joins have the types they have without Tenantry', () => {
    const inserted = db.insertInto('projects').values({ name: 'a' }).returning(['id', 'tenant_id']).execute()
    expectTypeOf(inserted).resolves.toEqualTypeOf<{ id: string; tenant_id: string }[]>()
    const joined = db
      .selectFrom('projects')
      .leftJoin('countries', 'countries.code', 'projects.name')
      .select(['projects.budget', 'countries.code'])
      .execute()
    expectTypeOf(joined).resolves.toEqualTypeOf<{ budget: number | null; code: string | null }[]>()
  })
})

test('currentTenantId() is an expression of the type of ids', () => {
  expectTypeOf(
    db.selectNoFrom(currentTenantId().as('tenant')).executeTakeFirstOrThrow(),
  ).resolves.toEqualTypeOf<{ tenant: string }>()
  db.selectFrom('projects').where('tenant_id', '=', currentTenantId())
  // @ts-expect-error ids are numbers there
  db.selectFrom('invoices').where('companyId', '=', currentTenantId())
  db.selectFrom('invoices').where('companyId', '=', currentTenantId<number>())
})
