import { TenantPool, UnsafeDatabaseError } from '@tenantry/core/pg'
import type { TestDatabase } from '@tenantry/testing'
import type { DataSource, Logger } from 'typeorm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { Project } from './entities.ts'
import { naiveDataSource } from './naive-data-source.ts'
import {
  ACME,
  codeOf,
  createDatabase,
  GLOBEX,
  makeTables,
  openDataSource,
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
  (await dataSource.getRepository(Project).find({ order: { name: 'ASC' } })).map(({ name }) => name)

/** How many backends serve connections of that name. */
const backendsOf = async (applicationName: string): Promise<number> =>
  (
    await database.query('select from pg_stat_activity where datname = $1 and application_name = $2', [
      database.name,
      applicationName,
    ])
  ).length

/** Ends the idle connections of a role. */
const killIdle = (role: string) =>
  database.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1 and usename = $2 and state = 'idle'`,
    [database.name, role],
  )

class ScopeLogger implements Logger {
  readonly scopes: (string | undefined)[] = []
  logQuery(): void {
    this.scopes.push(tenancy.current()?.kind)
  }
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

// Trap 20.
describe('initialize()', () => {
  test('runs as the tenant of whoever calls it first, and with none not at all; here always for no tenant', async () => {
    const naive = async (run: (work: () => Promise<unknown>) => Promise<unknown>) => {
      const logger = new ScopeLogger()
      const dataSource = naiveDataSource(database.urls.app, { logger })
      const code = await run(() => codeOf(() => dataSource.initialize()))
      if (dataSource.isInitialized) await dataSource.destroy()
      return [code, [...new Set(logger.scopes)]]
    }
    expect(await naive((work) => work())).toEqual(['TENANT_REQUIRED', []])
    expect(await naive((work) => tenancy.run(ACME, work))).toEqual(['no error', ['tenant']])

    for (const run of [
      (work: () => Promise<void>) => work(),
      (work: () => Promise<void>) => tenancy.run(ACME, work),
      (work: () => Promise<void>) => tenancy.asSystem('a test', work),
    ]) {
      const logger = new ScopeLogger()
      await run(async () => {
        const dataSource = await tenantDataSource(database, { logger }).initialize()
        await dataSource.destroy()
      })
      expect([...new Set(logger.scopes)]).toEqual(['none'])
    }
  })

  test('called by many requests at once, it connects once', async () => {
    const dataSource = tenantDataSource(database, { applicationName: 'once' })
    const names = await Promise.all(
      [ACME, GLOBEX, ACME].map((tenant) =>
        tenancy.run(tenant, async () => {
          await dataSource.initialize()
          return projectNames(dataSource)
        }),
      ),
    )
    expect(names.map(([name]) => name)).toEqual(['acme app', 'globex app', 'acme app'])
    await expect(dataSource.initialize()).rejects.toThrow(/already|Cannot create/)
    expect(await tenancy.run(ACME, () => projectNames(dataSource))).toHaveLength(2)
    await dataSource.destroy()
    await eventually(async () => expect(await backendsOf('once')).toBe(0))
  })

  // Trap 21.
  test('that fails leaves connections open; here none, and it can be called again', async () => {
    const { hostname, port } = new URL(database.urls.app)
    const slaves = [{ url: database.urls.app }, { url: `postgres://nobody:wrong@${hostname}:${port}/none` }]
    const replication = { master: { url: database.urls.app }, slaves }

    const pools: TenantPool[] = []
    const naive = naiveDataSource(database.urls.app, {
      applicationName: 'naive',
      replication,
      driver: {
        Pool: class extends TenantPool {
          constructor(config: object) {
            super({ tenancy, ...config })
            pools.push(this)
          }
        },
      },
    })
    await expect(tenancy.withoutTenant(() => naive.initialize())).rejects.toThrow(/nobody/)
    await eventually(async () => expect(await backendsOf('naive')).toBe(1))
    await Promise.all(pools.map((pool) => pool.end()))

    const dataSource = tenantDataSource(database, { applicationName: 'ended', replication })
    await expect(dataSource.initialize()).rejects.toThrow(/nobody/)
    await eventually(async () => expect(await backendsOf('ended')).toBe(0))
    slaves.pop()
    await dataSource.initialize()
    expect(await tenancy.run(ACME, () => projectNames(dataSource))).toEqual(['acme app', 'acme website'])
    await dataSource.destroy()
    await eventually(async () => expect(await backendsOf('ended')).toBe(0))
  })

  test('that fails after connecting keeps the first error', async () => {
    const dataSource = tenantDataSource(database, {
      applicationName: 'late',
      entities: [Project],
    })
    await expect(dataSource.initialize()).rejects.toThrow(/Project#tasks/)
    await eventually(async () => expect(await backendsOf('late')).toBe(0))
  })

  test('and destroy() again and again give scoped connections', async () => {
    const dataSource = tenantDataSource(database)
    expect(() => dataSource.pool).toThrow(/initialize\(\)/)
    for (const [tenant, name] of [
      [ACME, 'acme app'],
      [GLOBEX, 'globex app'],
    ] as const) {
      await dataSource.initialize()
      expect((await tenancy.run(tenant, () => projectNames(dataSource)))[0]).toBe(name)
      expect(await codeOf(() => projectNames(dataSource))).toBe('TENANT_REQUIRED')
      await tenancy.run(tenant, () => dataSource.destroy())
    }
  })

  test('as TypeORM’s command line calls it, after setOptions()', async () => {
    const dataSource = tenantDataSource(database)
    dataSource.setOptions({ synchronize: false, migrationsRun: false, dropSchema: false, logging: false })
    await dataSource.initialize()
    expect(await tenancy.run(ACME, () => projectNames(dataSource))).toHaveLength(2)
    await dataSource.destroy()
  })
})

describe('replicas', () => {
  test('are pools of the tenant too: readers, writers and the system each where they belong', async () => {
    const server = new URL(database.urls.app)
    const credentials = (applicationName: string) => ({
      host: server.hostname,
      port: Number(server.port),
      username: decodeURIComponent(server.username),
      password: decodeURIComponent(server.password),
      database: database.name,
      applicationName,
    })
    const system = new URL(database.urls.system)
    const dataSource = await openDataSource(database, {
      url: undefined as never,
      replication: { master: credentials('primary'), slaves: [credentials('replica')] },
      system: { username: system.username, password: decodeURIComponent(system.password) },
    })
    const servedBy = async (mode: 'master' | 'slave') => {
      const queryRunner = dataSource.createQueryRunner(mode)
      try {
        const rows = (await queryRunner.query(
          `select current_setting('application_name') as name, count(*)::int as projects from projects`,
        )) as unknown[]
        return rows[0]
      } finally {
        await queryRunner.release()
      }
    }
    for (const tenant of [ACME, GLOBEX]) {
      await tenancy.run(tenant, async () => {
        expect(await servedBy('master')).toEqual({ name: 'primary', projects: 2 })
        expect(await servedBy('slave')).toEqual({ name: 'replica', projects: 2 })
        expect(await projectNames(dataSource)).toHaveLength(2)
      })
    }
    await tenancy.asSystem('a test', async () => {
      expect(await servedBy('master')).toEqual({ name: 'primary', projects: 4 })
      expect(await servedBy('slave')).toEqual({ name: 'replica', projects: 4 })
    })
    expect(await codeOf(() => servedBy('slave'))).toBe('TENANT_REQUIRED')
    await dataSource.verify()
    await dataSource.destroy()
    await eventually(async () => expect(await backendsOf('replica')).toBe(0))
  })
})

describe('the system pool', () => {
  test('sees all tenants in asSystem, and no data source of its own is needed', async () => {
    const dataSource = await openDataSource(database)
    expect(await tenancy.asSystem('a test', () => projectNames(dataSource))).toHaveLength(4)
    expect(await tenancy.withoutTenant(() => projectNames(dataSource))).toEqual([])
    await dataSource.destroy()
  })

  test('missing, asSystem is refused', async () => {
    const dataSource = tenantDataSource(database, { system: undefined as never })
    await dataSource.initialize()
    expect(await tenancy.asSystem('a test', () => codeOf(() => projectNames(dataSource)))).toBe(
      'SYSTEM_POOL_REQUIRED',
    )
    await dataSource.destroy()
  })
})

// Trap 21.
test('idle connections that are killed are told to poolErrorHandler, the system’s too, and replaced', async () => {
  const errors: unknown[] = []
  const dataSource = await openDataSource(database, { poolErrorHandler: (error) => errors.push(error) })
  const read = () =>
    Promise.all([
      tenancy.run(ACME, () => projectNames(dataSource)),
      tenancy.asSystem('a test', () => projectNames(dataSource)),
    ])
  expect((await read()).map(({ length }) => length)).toEqual([2, 4])
  await killIdle('tenantry_system')
  await eventually(() => expect(errors).toHaveLength(1))
  await killIdle('tenantry_app')
  await eventually(() => expect(errors.length).toBeGreaterThan(1))
  expect((await read()).map(({ length }) => length)).toEqual([2, 4])
  await dataSource.destroy()
})

describe('verify()', () => {
  test('finds nothing in a database that a plan has isolated', async () => {
    const dataSource = await openDataSource(database)
    await expect(dataSource.verify()).resolves.toBeUndefined()
    await expect(dataSource.pool.verify()).resolves.toBeUndefined()
    await dataSource.destroy()
  })

  test('finds a table without policies, and an application that is its owner', async () => {
    await database.query('create table leaking (tenant_id uuid, note text)')
    await database.query('grant select on leaking to tenantry_app')
    const dataSource = await openDataSource(database)
    await expect(dataSource.verify()).rejects.toThrow(UnsafeDatabaseError)
    await dataSource.destroy()
    await database.query('drop table leaking')

    const asOwner = await openDataSource(database, { url: database.urls.superuser })
    await expect(asOwner.verify()).rejects.toThrow(UnsafeDatabaseError)
    await asOwner.destroy()
  })
})
