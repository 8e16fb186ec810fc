import type { TestDatabase } from '@tenantry/testing'
import { DataSource } from 'typeorm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MigrationDataSource } from '../src/index.ts'
import { entities } from './entities.ts'
import { createDatabase, isolateTables, makeTables, openOwner, stepsLeft } from './test-database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createDatabase()
  await makeTables(database)
})
afterEach(() => database.drop())

/** What `migration:generate` and `schema:log` print. */
async function difference(dataSource: DataSource): Promise<string[]> {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log()
  return upQueries.map(({ query }) => query)
}

/** TypeORM's own, with the owner's credentials. */
function plainOwner(): Promise<DataSource> {
  return new DataSource({
    type: 'postgres',
    url: database.urls.owner,
    entities,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
  }).initialize()
}

describe('migration:generate', () => {
  test('would drop the keys with the tenant, its columns and indexes; of a MigrationDataSource it finds nothing', async () => {
    const plain = await plainOwner()
    const dropped = (await difference(plain)).join('\n')
    expect(dropped).toMatch(/ALTER TABLE "tasks" DROP CONSTRAINT "tenantry_FK_/)
    expect(dropped).toMatch(/ALTER TABLE "project_tags" DROP COLUMN "tenant_id"/)
    expect(dropped).toMatch(/ALTER TABLE "folders_closure" DROP COLUMN "tenant_id"/)
    expect(dropped).toMatch(/DROP INDEX "public"."tenantry_IDX_/)
    expect(dropped).toMatch(/DROP INDEX "public"."tenantry_UQ_/)
    expect(dropped).toMatch(/ALTER TABLE "projects" DROP CONSTRAINT "tenantry_PK_/)
    await plain.destroy()

    const owner = await openOwner(database)
    expect(await difference(owner)).toEqual([])
    await owner.destroy()
  })

  test('synchronize() of a MigrationDataSource leaves all of a plan in place', async () => {
    expect(await stepsLeft(database)).toEqual([])
    const owner = await openOwner(database)
    await owner.synchronize()
    await owner.destroy()
    expect(await stepsLeft(database)).toEqual([])
  })

  test('goes on finding what entities and tables really differ in', async () => {
    await database.query(`alter table projects drop column status`)
    await database.query(`alter table tags add column color text`)
    await database.query(`create index by_title on tasks (title)`)
    const owner = await openOwner(database)
    expect(await difference(owner)).toEqual([
      'DROP INDEX "public"."by_title"',
      'ALTER TABLE "tags" DROP COLUMN "color"',
      `ALTER TABLE "projects" ADD "status" text NOT NULL DEFAULT 'active'`,
    ])
    await owner.destroy()
  })

  test('finds that a foreign key with the tenant deletes other than the entity says', async () => {
    const [key] = await database.query<{ name: string; definition: string }>(
      `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
       where conrelid = 'tasks'::regclass and contype = 'f' and conname like 'tenantry_FK_%'`,
    )
    const changed = key?.definition.replace('ON DELETE CASCADE', 'ON DELETE RESTRICT')
    await database.query(
      `alter table tasks drop constraint "${key?.name}", add constraint "${key?.name}" ${changed}`,
    )
    const owner = await openOwner(database)
    const [drop, add, ...others] = await difference(owner)
    expect(drop).toBe(`ALTER TABLE "tasks" DROP CONSTRAINT "${key?.name}"`)
    expect(add).toMatch(/FOREIGN KEY \("projectId"\) .* ON DELETE CASCADE/)
    expect(others).toEqual([])
    await owner.destroy()
  })

  test('a migration asks its query runner for a table and gets all of it', async () => {
    const owner = await openOwner(database)
    const queryRunner = owner.createQueryRunner()
    const table = await queryRunner.getTable('project_tags')
    expect(table?.findColumnByName('tenant_id')).toBeDefined()
    expect(table?.foreignKeys.map(({ name }) => name?.startsWith('tenantry_FK_'))).toContain(true)
    await queryRunner.release()
    await owner.destroy()
  })

  test('the tenant’s column may have another name', async () => {
    await database.query(`alter table project_tags rename column tenant_id to company_id`)
    const options = {
      type: 'postgres',
      url: database.urls.owner,
      entities,
      installExtensions: false,
    } as const
    const owner = await new MigrationDataSource({ ...options, uuidExtension: 'pgcrypto' }).initialize()
    expect((await difference(owner)).join('\n')).toMatch(/"project_tags" DROP COLUMN "company_id"/)
    await owner.destroy()
    const named = await new MigrationDataSource({
      ...options,
      uuidExtension: 'pgcrypto',
      tenantColumn: 'company_id',
    }).initialize()
    expect((await difference(named)).join('\n')).not.toMatch(/company_id/)
    await named.destroy()
  })
})

test('tables that synchronize() made again have no policies, and a plan gives them back', async () => {
  const owner = await openOwner(database)
  await owner.synchronize(true)
  await owner.destroy()
  expect(await database.query('select from pg_policies')).toEqual([])
  await isolateTables(database)
  expect(await stepsLeft(database)).toEqual([])
})
