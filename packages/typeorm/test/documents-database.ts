import { randomUUID } from 'node:crypto'
import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { connectToPostgres, seedTenants, type SeededTenant, type TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, inject } from 'vitest'
import { TenantDataSource, type TenantDataSourceOptions } from '../src/index.ts'
import { documentsSchema, entities } from './documents.ts'

export const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.current_user_id' } })

type Options = Pick<TenantDataSourceOptions, 'cache' | 'entities' | 'poolSize' | 'replication'>

/** A tenant with a folder and a document in it. */
export interface Tenant extends SeededTenant {
  readonly folderId: string
  readonly documentId: string
}

export interface Fixture {
  database: TestDatabase
  acme: Tenant
  globex: Tenant
  /** On a pool that is scoped by tenant, and nothing else of this package: what each attack is shown on. */
  plain: DataSource
  guarded: TenantDataSource
  openPlain(options?: Options): Promise<DataSource>
  openGuarded(options?: Options): Promise<TenantDataSource>
}

/** A database with two tenants and both data sources on it, for the tests of one file. The fixture is there from `beforeAll` on. */
export function useDocuments(): Fixture {
  const fixture = {} as Fixture
  const opened: DataSource[] = []
  const open = async <Opened extends DataSource>(dataSource: Opened): Promise<Opened> => {
    opened.push(dataSource)
    await tenancy.withoutTenant(() => dataSource.initialize())
    return dataSource
  }
  beforeAll(async () => {
    const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
      name: 'typeorm',
      setup: documentsSchema,
    })
    const { app: url, system } = database.urls
    const common = { type: 'postgres', url, installExtensions: false, entities } as const
    const seeded = await seedTenants(database.query)
    fixture.database = database
    fixture.acme = await withDocuments(database, seeded.acme)
    fixture.globex = await withDocuments(database, seeded.globex)
    fixture.openPlain = (options) => {
      const config = { tenancy, connectionString: url, system: { connectionString: system } }
      function Pool(): TenantPool {
        return new TenantPool(config)
      }
      return open(new DataSource({ ...common, driver: { Pool, defaults: pg.defaults }, ...options }))
    }
    fixture.openGuarded = (options) =>
      open(new TenantDataSource({ ...common, tenancy, system: { url: system }, ...options }))
    fixture.plain = await fixture.openPlain()
    fixture.guarded = await fixture.openGuarded()
  })
  afterAll(async () => {
    for (const dataSource of opened) if (dataSource.isInitialized) await dataSource.destroy()
    await fixture.database?.drop()
  })
  return fixture
}

async function withDocuments(database: TestDatabase, tenant: SeededTenant): Promise<Tenant> {
  const [folderId, documentId] = [randomUUID(), randomUUID()]
  await database.query(`insert into folders (tenant_id, id, name) values ($1, $2, $3)`, [
    tenant.id,
    folderId,
    `${tenant.name} folder`,
  ])
  await database.query(`insert into documents (tenant_id, id, title, folder_id) values ($1, $2, $3, $4)`, [
    tenant.id,
    documentId,
    `${tenant.name} document`,
    folderId,
  ])
  return { ...tenant, folderId, documentId }
}
