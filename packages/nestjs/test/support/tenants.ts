import type { DynamicModule } from '@nestjs/common'
import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import {
  connectToPostgres,
  seedTenants,
  tenancySchema,
  type SeededTenant,
  type TestDatabase,
} from '@tenantry/testing'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, inject } from 'vitest'
import { TenancyModule, type TenancyModuleOptions } from '../../src/index.ts'

export const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.current_user_id' } })

/** A database with fifty tenants, and a pool of three connections on it, for the tests of one file. */
export interface Tenants {
  database: TestDatabase
  pool: TenantPool
  acme: SeededTenant
  globex: SeededTenant
  /** All of them, `acme` and `globex` first. */
  all: readonly SeededTenant[]
}

/** The fixture is there from `beforeAll` on. */
export function useTenants(): Tenants {
  const fixture = {} as Tenants
  beforeAll(async () => {
    const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
      name: 'nestjs',
      setup: tenancySchema(),
    })
    const { app, system } = database.urls
    const pool = new TenantPool({
      tenancy,
      connectionString: app,
      max: 3,
      system: { connectionString: system },
    })
    const names = ['acme', 'globex', ...Array.from({ length: 48 }, (_, index) => `tenant${index}`)]
    const seeded = await seedTenants(
      database.query,
      Object.fromEntries(names.map((name) => [name, randomUUID()])),
    )
    const all = names.map((name) => seeded[name] as SeededTenant)
    const [acme, globex] = all
    Object.assign(fixture, { database, pool, acme, globex, all })
  })
  afterAll(async () => {
    await fixture.pool?.end()
    await fixture.database?.drop()
  })
  return fixture
}

/** The names of the projects that the current scope may read. */
export async function projectNames({ pool }: Tenants): Promise<string[]> {
  const { rows } = await pool.query('select name from projects order by name')
  return rows.map(({ name }) => name)
}

/** What {@link projectNames} gives for a tenant. */
export function projectsOf({ name }: SeededTenant): string[] {
  return [`${name} app`, `${name} website`]
}

/** What is current here: a tenant's id, another scope's kind, or `'lost'`. */
export function current(): string {
  const scope = tenancy.current()
  return scope?.kind === 'tenant' ? scope.tenantId : (scope?.kind ?? 'lost')
}

/** The module for these tenants, who are who they say in `x-tenant`. */
export function tenancyModule(options: Partial<TenancyModuleOptions> = {}): DynamicModule {
  return TenancyModule.forRoot({
    tenancy,
    resolve: ({ headers }) => headers['x-tenant'] as string | undefined,
    ...options,
  })
}
