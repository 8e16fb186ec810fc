import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import {
  connectToPostgres,
  seedTenants,
  tenancySchema,
  type SeededTenant,
  type TestDatabase,
} from '@tenantry/testing'
import type { Kysely } from 'kysely'
import type pg from 'pg'
import { inject } from 'vitest'
import { openKysely, type Database } from './kysely-subject.ts'

export const tenancy = createTenancy({ tenantId: 'uuid' })

/** Kysely on a TenantPool, over a database with two tenants. */
export interface TwoTenants {
  readonly database: TestDatabase
  readonly pool: TenantPool
  readonly db: Kysely<Database>
  readonly acme: SeededTenant
  readonly globex: SeededTenant
  /** Both at the same time: what each got, acme first. */
  both<Result>(work: (tenant: SeededTenant) => Promise<Result>): Promise<[Result, Result]>
  /** The names of a tenant's projects, as a superuser sees them. */
  projectsOf(tenant: SeededTenant): Promise<string[]>
  close(): Promise<void>
}

/** @param options of the pool, which has one connection for each tenant */
export async function openTwoTenants(options: pg.PoolConfig = {}): Promise<TwoTenants> {
  const server = connectToPostgres(inject('postgresUrl'))
  const database = await server.createDatabase({
    name: 'kysely',
    template: 'tenancy',
    setup: tenancySchema(),
  })
  const { acme, globex } = await seedTenants(database.query)
  const pool = new TenantPool({ tenancy, connectionString: database.urls.app, max: 2, ...options })
  const db = openKysely(pool)
  return {
    database,
    pool,
    db,
    acme,
    globex,
    both: (work) =>
      Promise.all([tenancy.run(acme.id, () => work(acme)), tenancy.run(globex.id, () => work(globex))]),
    async projectsOf({ id }) {
      const rows = await database.query<{ name: string }>(
        'select name from projects where tenant_id = $1 order by name',
        [id],
      )
      return rows.map(({ name }) => name)
    },
    async close() {
      await db.destroy()
      await database.drop()
    },
  }
}

/** The code of the error that the work fails with. */
export async function codeOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
  return 'no error'
}
