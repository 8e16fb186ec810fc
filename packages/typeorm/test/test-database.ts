import { createTenancy } from '@tenantry/core'
import { applyPlan, defineTenancy, planTenancy, readCatalogue, type Query } from '@tenantry/policies'
import { connectToPostgres, type DatabaseSetup, type TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, beforeAll, inject } from 'vitest'
import {
  createTenantFunction,
  MigrationDataSource,
  TenantDataSource,
  type TenantDataSourceOptions,
} from '../src/index.ts'
import { entities } from './entities.ts'

export const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.current_user_id' } })

export const ACME = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'
export const GLOBEX = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'

/** What a plan has to know of the tables that TypeORM makes of the entities. */
export const model = defineTenancy({
  tenantTable: 'tenants',
  roles: { system: 'tenantry_system' },
  tables: {
    project_tags: { kind: 'child', through: 'projectsId' },
    folders_closure: { kind: 'child', through: 'id_ancestor' },
    typeorm_metadata: 'excluded',
  },
})

export function createDatabase(setup?: DatabaseSetup): Promise<TestDatabase> {
  return connectToPostgres(inject('postgresUrl')).createDatabase({
    name: 'typeorm',
    ...(setup !== undefined && { setup }),
  })
}

/** The data source of migrations, connected. */
export async function openOwner(database: TestDatabase): Promise<MigrationDataSource> {
  return new MigrationDataSource({
    type: 'postgres',
    url: database.urls.owner,
    entities,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
  }).initialize()
}

/** Makes the tables as TypeORM does, and then applies a plan. */
export async function makeTables(database: TestDatabase): Promise<void> {
  const owner = await openOwner(database)
  const queryRunner = owner.createQueryRunner()
  await createTenantFunction(queryRunner, { systemRole: 'tenantry_system' })
  await queryRunner.release()
  await owner.synchronize()
  await owner.destroy()
  await isolateTables(database)
}

/** Applies a plan to the tables. */
export async function isolateTables(database: TestDatabase): Promise<void> {
  await withOwner(database, async (query) => {
    await applyPlan(query, planTenancy(model, await readCatalogue(query, model)))
  })
}

/** The steps that a plan still sees. */
export async function stepsLeft(database: TestDatabase, tenancyModel = model): Promise<string[]> {
  let steps: string[] = []
  await withOwner(database, async (query) => {
    steps = planTenancy(tenancyModel, await readCatalogue(query, tenancyModel)).steps.map(({ id }) => id)
  })
  return steps
}

async function withOwner(database: TestDatabase, work: (query: Query) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: database.urls.owner })
  await client.connect()
  try {
    await work((text, values) => client.query(text, values && [...values]))
  } finally {
    await client.end()
  }
}

/** For each of the two tenants: two projects with three tasks each, a tag, and a folder in a folder. */
export async function seed({ query }: TestDatabase): Promise<void> {
  for (const [id, name] of [
    [ACME, 'acme'],
    [GLOBEX, 'globex'],
  ]) {
    await query('insert into tenants values ($1, $2)', [id, name])
    await query(
      `with made as (
         insert into projects (tenant_id, name, version) values ($1, $2 || ' app', 1), ($1, $2 || ' website', 1) returning *
       ), tag as (
         insert into tags (tenant_id, label) values ($1, $2 || ' tag') returning *
       ), tagged as (
         insert into project_tags (tenant_id, "projectsId", "tagsId") select $1, made.id, tag.id from made, tag
       )
       insert into tasks (tenant_id, "projectId", title, points)
       select $1, id, $2 || ' task ' || n, n from made, generate_series(1, 3) as n`,
      [id, name],
    )
    await query(
      `with top as (
         insert into folders (tenant_id, name) values ($1, $2 || ' top') returning *
       ), below as (
         insert into folders (tenant_id, name, "parentId") select $1, $2 || ' below', id from top returning *
       )
       insert into folders_closure (tenant_id, id_ancestor, id_descendant)
       select $1, id, id from top union all select $1, id, id from below union all select $1, top.id, below.id from top, below`,
      [id, name],
    )
  }
}

/** The database, what the application has on it, and what others see. */
export interface Fixture {
  database: TestDatabase
  dataSource: TenantDataSource
}

/** Opens a data source of the application, by default with two connections and a system pool. */
export function openDataSource(
  database: TestDatabase,
  options: Partial<TenantDataSourceOptions> = {},
): Promise<TenantDataSource> {
  return tenantDataSource(database, options).initialize()
}

/** The same, not yet connected. */
export function tenantDataSource(
  database: TestDatabase,
  options: Partial<TenantDataSourceOptions> = {},
): TenantDataSource {
  return new TenantDataSource({
    type: 'postgres',
    url: database.urls.app,
    system: { url: database.urls.system },
    poolSize: 2,
    entities,
    tenancy,
    ...options,
  })
}

/** Two tenants with rows, for the tests of one file; there from `beforeAll` on. */
export function useTwoTenants(options: Partial<TenantDataSourceOptions> = {}): Fixture {
  const fixture = {} as Fixture
  beforeAll(async () => {
    fixture.database = await createDatabase()
    await makeTables(fixture.database)
    await seed(fixture.database)
    fixture.dataSource = await openDataSource(fixture.database, options)
  })
  afterAll(async () => {
    await fixture.dataSource?.destroy()
    await fixture.database?.drop()
  })
  return fixture
}

/** The code of the error that the work fails with. */
export async function codeOf(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
  return 'no error'
}
