import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres, type TenantSql } from '@tenantry/core/postgres-js'
import {
  connectToPostgres,
  seedTenants,
  tenancySchema,
  type SeededTenant,
  type TestDatabase,
} from '@tenantry/testing'
import { afterAll, beforeAll, inject } from 'vitest'

export const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.current_user_id' } })

/** A database with two tenants and a client of each driver on it, for the tests of one file. */
export interface Fixture {
  database: TestDatabase
  pool: TenantPool
  sql: TenantSql
  acme: SeededTenant
  globex: SeededTenant
}

/** The fixture is there from `beforeAll` on. */
export function useDatabase(): Fixture {
  const fixture = {} as Fixture
  beforeAll(async () => {
    const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
      name: 'drizzle',
      setup: tenancySchema(),
    })
    const { app, system } = database.urls
    const pool = new TenantPool({ tenancy, connectionString: app, system: { connectionString: system } })
    const sql = tenantPostgres(app, { tenancy, max: 10, system: { url: system } })
    Object.assign(fixture, { database, pool, sql, ...(await seedTenants(database.query)) })
  })
  afterAll(async () => {
    await fixture.pool?.end()
    await fixture.sql?.end()
    await fixture.database?.drop()
  })
  return fixture
}
