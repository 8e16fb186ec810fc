import type { TenantPool } from '@tenantry/core/pg'
import type { TenantSql } from '@tenantry/core/postgres-js'
import { eq, sql, type InferInsertModel, type InferSelectModel } from 'drizzle-orm'
import { drizzle as plainDrizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { drizzle as plainOnPostgresJs } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { describe, expectTypeOf, test } from 'vitest'
import { tenantForeignKey, tenantId, tenantIsolation } from '../src/index.ts'
import { drizzle } from '../src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from '../src/postgres-js.ts'

declare const pool: TenantPool
declare const plainPool: pg.Pool
declare const tenantSql: TenantSql
declare const plainSql: postgres.Sql

const columns = {
  id: uuid('id').defaultRandom().notNull(),
  name: text('name').notNull(),
  note: text('note'),
}
const plain = pgTable('plain', columns)
const projects = pgTable('projects', { tenantId: tenantId(), ...columns }, (table) => [
  ...tenantIsolation(table.tenantId, { role: 'app' }),
])
const invoices = pgTable('invoices', { companyId: tenantId({ type: 'bigint', name: 'company_id' }) })
const accounts = pgTable('accounts', { account: tenantId({ type: 'text' }), total: text('total').notNull() })
const templates = pgTable('templates', { tenantId: tenantId({ shared: true }), ...columns })
const db = drizzle({ client: pool })
const onPostgresJs = drizzleOnPostgresJs({ client: tenantSql })

describe('tenantId()', () => {
  test('the tenant is selected, and neither inserted nor updated', () => {
    expectTypeOf<InferSelectModel<typeof projects>['tenantId']>().toEqualTypeOf<string>()
    expectTypeOf<InferSelectModel<typeof invoices>>().toEqualTypeOf<{ companyId: bigint }>()
    expectTypeOf<InferSelectModel<typeof accounts>>().toEqualTypeOf<{ account: string; total: string }>()
    expectTypeOf<InferInsertModel<typeof projects>>().not.toHaveProperty('tenantId')
    expectTypeOf<InferInsertModel<typeof projects>>().toEqualTypeOf<InferInsertModel<typeof plain>>()
    expectTypeOf<InferInsertModel<typeof accounts>>().toEqualTypeOf<{ total: string }>()
  })

  test('other columns come through untouched', () => {
    expectTypeOf<Omit<InferSelectModel<typeof projects>, 'tenantId'>>().toEqualTypeOf<
      InferSelectModel<typeof plain>
    >()
  })

  test('that of a table with shared rows may be null', () => {
    expectTypeOf<InferSelectModel<typeof templates>['tenantId']>().toEqualTypeOf<string | null>()
    expectTypeOf<InferInsertModel<typeof templates>>().toEqualTypeOf<InferInsertModel<typeof plain>>()
    db.insert(templates).overridingSystemValue().values({ tenantId: null, name: 'a' })
    // @ts-expect-error a row stays whose it is
    db.update(templates).set({ tenantId: null })
  })

  test('statements that name the tenant do not compile', () => {
    // @ts-expect-error the database says whose a row is
    db.insert(projects).values({ tenantId: 'somebody', name: 'a' })
    // @ts-expect-error a row stays whose it is
    db.update(projects).set({ tenantId: 'somebody' })
    db.insert(projects)
      .values({ name: 'a' })
      // @ts-expect-error a row stays whose it is
      .onConflictDoUpdate({ target: projects.id, set: { tenantId: 'somebody' } })
    db.insert(projects).values({ name: 'a' })
    db.update(projects).set({ note: null })
  })

  test('overridingSystemValue() lets the system name it', () => {
    db.insert(projects).overridingSystemValue().values({ tenantId: 'somebody', name: 'a' })
    // @ts-expect-error an id of this tenancy is a bigint
    db.insert(invoices).overridingSystemValue().values({ companyId: 'somebody' })
  })
})

test('rows and returning have the types they have without Tenantry', () => {
  const row = { tenantId: '', id: '', name: '', note: null as string | null }
  expectTypeOf(db.select().from(projects).execute()).resolves.toEqualTypeOf<(typeof row)[]>()
  expectTypeOf(db.insert(projects).values({ name: 'a' }).returning().execute()).resolves.toEqualTypeOf<
    (typeof row)[]
  >()
  const joined = db
    .select({ tenant: projects.tenantId, note: plain.note, one: sql<number>`1` })
    .from(projects)
    .leftJoin(plain, eq(plain.id, projects.id))
    .execute()
  expectTypeOf(joined).resolves.toEqualTypeOf<{ tenant: string; note: string | null; one: number }[]>()
})

describe('drizzle() on node-postgres', () => {
  test('returns the type of drizzle-orm', () => {
    expectTypeOf(db).toEqualTypeOf(plainDrizzle({ client: pool }))
    expectTypeOf(drizzle(pool)).toEqualTypeOf(plainDrizzle(pool))
    expectTypeOf(drizzle({ client: pool, logger: true })).toEqualTypeOf(
      plainDrizzle({ client: pool, logger: true }),
    )
    expectTypeOf(db.$client).toEqualTypeOf<TenantPool>()
  })

  test('what would run without a scope does not come back', () => {
    expectTypeOf(drizzle('postgres://localhost/app')).toBeNever()
    expectTypeOf(drizzle('postgres://localhost/app', { logger: true })).toBeNever()
    expectTypeOf(drizzle({ connection: 'postgres://localhost/app', logger: true })).toBeNever()
    expectTypeOf(drizzle({ connection: { host: 'localhost' } })).toBeNever()
    expectTypeOf(drizzle(plainPool)).toBeNever()
    expectTypeOf(drizzle({ client: plainPool, logger: true })).toBeNever()
  })
})

describe('drizzle() on postgres.js', () => {
  test('returns the type of drizzle-orm', () => {
    expectTypeOf(onPostgresJs).toEqualTypeOf(plainOnPostgresJs({ client: tenantSql }))
    expectTypeOf(drizzleOnPostgresJs({ client: tenantSql, logger: true })).toEqualTypeOf(
      plainOnPostgresJs({ client: tenantSql, logger: true }),
    )
    expectTypeOf(onPostgresJs.$client).toEqualTypeOf<TenantSql>()
    expectTypeOf(
      onPostgresJs.insert(templates).values({ name: 'a' }).returning().execute(),
    ).resolves.toEqualTypeOf<InferSelectModel<typeof templates>[]>()
  })

  test('what would run without a scope does not come back', () => {
    expectTypeOf(drizzleOnPostgresJs('postgres://localhost/app')).toBeNever()
    expectTypeOf(drizzleOnPostgresJs('postgres://localhost/app', { logger: true })).toBeNever()
    expectTypeOf(drizzleOnPostgresJs({ connection: 'postgres://localhost/app' })).toBeNever()
    expectTypeOf(drizzleOnPostgresJs({ connection: { host: 'localhost' } })).toBeNever()
    expectTypeOf(drizzleOnPostgresJs(plainSql)).toBeNever()
    expectTypeOf(drizzleOnPostgresJs({ client: plainSql, logger: true })).toBeNever()
  })
})

test('a foreign key with the tenant sets nothing', () => {
  pgTable('tasks', { tenantId: tenantId(), projectId: uuid('project_id') }, (table) => {
    const key = (): ReturnType<typeof tenantForeignKey> =>
      tenantForeignKey({ tenant: table.tenantId, columns: [table.projectId], foreignColumns: [projects.id] })
    // @ts-expect-error the tenant would be cleared as well
    key().onDelete('set null')
    return [key().onDelete('cascade').onUpdate('no action')]
  })
})
