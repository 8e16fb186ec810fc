import { defineTenancy, planTenancy, readCatalogue, type Query } from '@tenantry/policies'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { TestDatabase } from '@tenantry/testing'
import { migrateDatabase } from '../src/database/migrate-database.ts'
import { createMigrationDataSource } from '../src/database/migration-data-source.ts'

const model = defineTenancy({
  tenantTable: 'tenants',
  roles: { app: 'tenantry_app', owner: 'tenantry_owner', system: 'tenantry_system' },
  // Their policies and rights are written by hand: see the migrations.
  tables: { tenant_slugs: 'excluded', audit_log: 'excluded', migrations: 'excluded' },
})

let database: TestDatabase
beforeAll(async () => {
  database = await connectToPostgres(inject('postgresUrl')).createDatabase({ name: 'example-nestjs-saas' })
})
afterAll(() => database.drop())

test('the migrations make what a plan would', async () => {
  await migrateDatabase(database.urls.owner)
  await migrateDatabase(database.urls.owner)
  const owner = new pg.Client({ connectionString: database.urls.owner })
  await owner.connect()
  try {
    const query: Query = (text, values) => owner.query(text, values && [...values])
    const { steps } = planTenancy(model, await readCatalogue(query, model))
    expect(steps.map(({ id, statements }) => ({ id, statements }))).toEqual([])
  } finally {
    await owner.end()
  }
})

test('migration:generate finds no difference between them and the entities', async () => {
  await migrateDatabase(database.urls.owner)
  const dataSource = await createMigrationDataSource(database.urls.owner).initialize()
  try {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log()
    expect(upQueries.map(({ query }) => query)).toEqual([])
  } finally {
    await dataSource.destroy()
  }
})

test('they go back to nothing, and forth again', async () => {
  await migrateDatabase(database.urls.owner)
  const dataSource = await createMigrationDataSource(database.urls.owner).initialize()
  try {
    for (const _ of dataSource.migrations) await dataSource.undoLastMigration()
  } finally {
    await dataSource.destroy()
  }
  const tables = await database.query(
    `select relname from pg_class join pg_namespace n on n.oid = relnamespace
     where nspname in ('public', 'tenantry') and relkind = 'r' and relname <> 'migrations'`,
  )
  expect(tables).toEqual([])
  await migrateDatabase(database.urls.owner)
})
