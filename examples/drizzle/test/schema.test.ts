import { defineTenancy, planTenancy, readCatalogue, type Query } from '@tenantry/policies'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { migrateDatabase } from '../src/migrate-database.ts'

const model = defineTenancy({
  tenantTable: 'companies',
  roles: { app: 'tenantry_app', owner: 'tenantry_owner', system: 'tenantry_system' },
})

test('a plan of @tenantry/policies finds nothing to do', async () => {
  const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
    name: 'example-drizzle',
    setup: async (_query, { urls }) => migrateDatabase(urls.owner),
  })
  const owner = new pg.Client({ connectionString: database.urls.owner })
  await owner.connect()
  try {
    const query: Query = (text, values) => owner.query(text, values && [...values])
    const { steps } = planTenancy(model, await readCatalogue(query, model))
    expect(steps.map(({ id, statements }) => ({ id, statements }))).toEqual([])
  } finally {
    await owner.end()
    await database.drop()
  }
})
