import { TenantPool } from '@tenantry/core/pg'
import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import type { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assertOneCopyOfPg } from '../src/tenant-pools.ts'
import { naiveDataSource } from './naive-data-source.ts'
import {
  ACME,
  codeOf,
  createDatabase,
  GLOBEX,
  makeTables,
  seed,
  tenancy,
  tenantDataSource,
} from './test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
  await makeTables(database)
  await seed(database)
})
afterAll(() => database.drop())

const projectNames = async (dataSource: DataSource): Promise<string[]> =>
  (await dataSource.query<{ name: string }[]>('select name from projects order by name')).map(
    ({ name }) => name,
  )

/** Options as untyped code gives them. */
const made = (options: object) => () => tenantDataSource(database, options)

describe('what `extra` says', () => {
  test('is spread over a pool’s own options, so that a tenancy in it makes one tenant another; it is refused', async () => {
    const asGlobex = { ...tenancy, current: () => tenancy.run(GLOBEX, () => tenancy.current()) }
    const extra = { tenancy: asGlobex }
    const naive = naiveDataSource(database.urls.app, { extra })
    await tenancy.run(ACME, async () => {
      await naive.initialize()
      expect(await projectNames(naive)).toEqual(['globex app', 'globex website'])
    })
    await naive.destroy()

    expect(await codeOf(made({ extra }))).toBe('INVALID_CONFIG')
    expect(await codeOf(made({ extra: { system: { connectionString: database.urls.superuser } } }))).toBe(
      'INVALID_CONFIG',
    )
    expect(await codeOf(made({ extra: { Client: pg.Client } }))).toBe('INVALID_CONFIG')
    expect(await codeOf(() => made({})().setOptions({ extra }))).toBe('INVALID_CONFIG')
  })

  test('and `url` may not preset the setting that carries the tenant', async () => {
    const options = `-c app.current_tenant_id=${GLOBEX}`
    const plain = new pg.Client({ connectionString: database.urls.app, options })
    await plain.connect()
    expect((await plain.query('select name from projects')).rows).toHaveLength(2)
    await plain.end()

    const url = new URL(database.urls.app)
    url.searchParams.set('options', options)
    for (const preset of [{ extra: { options } }, { url: url.href }]) {
      const dataSource = made(preset)()
      expect(await codeOf(() => dataSource.initialize())).toBe('INVALID_CONFIG')
    }
  })

  test.each([
    ['extra.prepare', { extra: { prepare: true } }],
    ['prepare, whatever extra says', { prepare: true, extra: { prepare: false } }],
  ])('goes to the pool otherwise: `%s` names statements', async (_name, options) => {
    const dataSource = made({ ...options, poolSize: 1 })()
    await dataSource.initialize()
    await tenancy.run(ACME, async () => {
      for (let time = 0; time < 3; time += 1) expect(await projectNames(dataSource)).toHaveLength(2)
      expect(await dataSource.query('select name from pg_prepared_statements')).not.toEqual([])
    })
    await dataSource.destroy()
  })
})

describe('a driver of one’s own', () => {
  test('is given up by TypeORM where pg-native is installed, pool and all; it is refused', async () => {
    const { driver } = naiveDataSource(database.urls.app, {
      driver: { Pool: TenantPool, defaults: pg.defaults, native: { Pool: pg.Pool } },
      nativeDriver: {},
    })
    expect((driver as unknown as { postgres: typeof pg }).postgres.Pool).toBe(pg.Pool)

    expect(await codeOf(made({ driver: pg }))).toBe('INVALID_CONFIG')
    expect(await codeOf(made({ nativeDriver: {} }))).toBe('INVALID_CONFIG')
    expect(await codeOf(() => made({})().setOptions({ nativeDriver: {} }))).toBe('INVALID_CONFIG')
    const { postgres } = made({})().driver as unknown as { postgres: object }
    expect(Object.keys(postgres)).toEqual(['Pool', 'defaults'])
  })

  test('is the same after setOptions() with the options that a data source has', async () => {
    const dataSource = made({})()
    dataSource.setOptions(dataSource.options)
    await dataSource.initialize()
    expect(await tenancy.run(ACME, () => projectNames(dataSource))).toHaveLength(2)
    await dataSource.destroy()
  })

  test('means another database is refused', async () => {
    expect(await codeOf(made({ type: 'cockroachdb' }))).toBe('UNSUPPORTED_DRIVER')
  })

  test('a second copy of pg is told apart', () => {
    expect(() => assertOneCopyOfPg(pg.Pool)).not.toThrow()
    class SecondPool extends pg.Pool {}
    expect(() => assertOneCopyOfPg(SecondPool)).toThrow(/two copies of pg/)
  })
})

test('a data source without a tenancy is refused', async () => {
  expect(await codeOf(made({ tenancy: undefined }))).toBe('INVALID_CONFIG')
  expect(await codeOf(made({ tenancy: {} }))).toBe('INVALID_CONFIG')
})

test('a system pool needs credentials of its own', async () => {
  const dataSource = made({ system: { poolSize: 3 } })()
  expect(await codeOf(() => dataSource.initialize())).toBe('INVALID_CONFIG')
})

// Traps 11 and 20.
describe('changing tables with the credentials of the application', () => {
  test.each(['synchronize', 'dropSchema', 'migrationsRun'])('is refused as the option %s', async (option) => {
    expect(await codeOf(made({ [option]: true }))).toBe('INVALID_CONFIG')
    expect(await codeOf(() => made({})().setOptions({ [option]: true }))).toBe('INVALID_CONFIG')
    made({ [option]: false })().setOptions({ [option]: false })
  })

  test('is refused as a method, whoever calls it, and by the command line', async () => {
    const dataSource = await made({})().initialize()
    for (const work of [
      () => dataSource.synchronize(),
      () => dataSource.dropDatabase(),
      () => dataSource.runMigrations(),
      () => dataSource.undoLastMigration(),
      () => dataSource.driver.createSchemaBuilder(),
    ]) {
      expect(await codeOf(work)).toBe('INVALID_CONFIG')
      expect(await tenancy.run(ACME, () => codeOf(work))).toBe('INVALID_CONFIG')
      expect(await tenancy.asSystem('a test', () => codeOf(work))).toBe('INVALID_CONFIG')
    }
    await dataSource.destroy()
    expect(await database.query('select from projects')).toHaveLength(4)
  })

  test('showMigrations() asks for no tenant, whoever calls it', async () => {
    await database.query(`create table migrations (id serial primary key, timestamp bigint, name varchar)`)
    await database.query(`grant select on migrations to tenantry_app`)
    const dataSource = await made({})().initialize()
    expect(await dataSource.showMigrations()).toBe(false)
    expect(await tenancy.run(ACME, () => dataSource.showMigrations())).toBe(false)
    await dataSource.destroy()
  })
})
