import { defineTenancy, planTenancy, readCatalogue } from '@tenantry/policies'
import { connectToPostgres } from '@tenantry/testing'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { openDatabase } from '../src/database.ts'
import { migrate } from '../src/migrate.ts'

test('the migrations make what a plan would, and go back to nothing', async () => {
  const database = await connectToPostgres(inject('postgresUrl')).createDatabase({ name: 'example-kysely' })
  const owner = new pg.Client({ connectionString: database.urls.owner })
  const { db, pool } = openDatabase(database.urls.app)
  try {
    await owner.connect()
    await migrate(database.urls.owner)
    await migrate(database.urls.owner)
    await pool.verify()
    const model = defineTenancy({ tenantTable: 'companies', tables: { access_tokens: 'excluded' } })
    const catalogue = await readCatalogue((text, values) => owner.query(text, values && [...values]), model)
    expect(planTenancy(model, catalogue).steps.map(({ id }) => id)).toEqual([])

    await migrate(database.urls.owner, 'down')
    expect(
      await database.query(
        `select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`,
      ),
    ).toEqual([])
    await migrate(database.urls.owner)
  } finally {
    await owner.end()
    await db.destroy()
    await database.drop()
  }
})
