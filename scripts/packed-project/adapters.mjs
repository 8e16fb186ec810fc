// Each adapter beside its own ORM: both see the same copies of core, of the ORM and of pg.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createTenancy, TenantryError } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import { tenantId } from '@tenantry/drizzle'
import { drizzle } from '@tenantry/drizzle/node-postgres'
import { drizzle as drizzleOnPostgresJs } from '@tenantry/drizzle/postgres-js'
import { currentTenantId } from '@tenantry/kysely'
import { CurrentTenant, TenancyModule } from '@tenantry/nestjs'
import { TenantDataSource, tenantColumn } from '@tenantry/typeorm'
import { pgTable } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { EntitySchema } from 'typeorm'

const tenant = '5f0c5d5e-3b7a-4c8e-9a52-0d6f2b1c7e01'
const tenancy = createTenancy({ tenantId: 'uuid' })
const refusesWithoutTenant = (query) =>
  assert.rejects(
    query,
    (error) =>
      TenantryError.isInstance(error.cause ?? error) && (error.cause ?? error).code === 'TENANT_REQUIRED',
  )

const pool = new TenantPool({ tenancy })
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
const expression = kysely.selectNoFrom(currentTenantId().as('tenant'))
assert.match(expression.compile().sql, /tenantry/)
await refusesWithoutTenant(kysely.selectFrom('projects').selectAll().execute())

const projects = pgTable('projects', { tenantId: tenantId() })
await refusesWithoutTenant(drizzle({ client: pool }).select().from(projects).execute())
assert.throws(() => drizzle({ client: new pg.Pool() }), { code: 'UNSUPPORTED_DRIVER' })
const sql = tenantPostgres({ tenancy })
await refusesWithoutTenant(drizzleOnPostgresJs({ client: sql }).select().from(projects).execute())
await sql.end()

const project = new EntitySchema({
  name: 'project',
  columns: { id: { type: 'uuid', primary: true }, tenantId: tenantColumn() },
})
const dataSource = new TenantDataSource({ type: 'postgres', tenancy, entities: [project] })
assert.equal(dataSource.tenancy, tenancy)
assert.throws(() => new TenantDataSource({ type: 'postgres', tenancy, driver: pg }), {
  code: 'INVALID_CONFIG',
})

class Tenants {
  current(tenantOfRequest) {
    return { tenant: tenantOfRequest }
  }
}
CurrentTenant()(Tenants.prototype, 'current', 0)
Get()(Tenants.prototype, 'current', Object.getOwnPropertyDescriptor(Tenants.prototype, 'current'))
Controller('tenant')(Tenants)
class AppModule {}
Module({
  imports: [TenancyModule.forRoot({ tenancy, resolve: ({ headers }) => headers['x-verified-tenant'] })],
  controllers: [Tenants],
})(AppModule)
const app = await NestFactory.create(AppModule, { logger: false })
await app.listen(0, '127.0.0.1')
const ask = async (headers) => (await fetch(`${await app.getUrl()}/tenant`, { headers })).json()
assert.deepEqual(await ask({ 'x-verified-tenant': tenant }), { tenant })
assert.equal((await ask({})).code, 'TENANT_REQUIRED')
await app.close()
await pool.end()
