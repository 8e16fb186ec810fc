import { randomUUID } from 'node:crypto'
import { createTenancy } from '@tenantry/core'
import type { TenantPool } from '@tenantry/core/pg'
import type { DataSource, Repository } from 'typeorm'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createResultCacheTable, MigrationDataSource, TenantDataSource } from '../src/index.ts'
import { Document, entities } from './documents.ts'
import { tenancy, useDocuments } from './documents-database.ts'
import { MemoryProvider } from './memory-provider.ts'
import { useRedisStandIn } from './redis-stand-in.ts'

const fixture = useDocuments()
const redis = useRedisStandIn()

/** TypeORM's own table for results, which whoever may sign in as the application reads as a whole. */
const bareTable = 'bare-results'

beforeAll(async () => {
  const owner = new MigrationDataSource({ type: 'postgres', url: fixture.database.urls.owner })
  await owner.initialize()
  const runner = owner.createQueryRunner()
  await createResultCacheTable(runner, { systemRole: 'tenantry_system' })
  await runner.release()
  await owner.destroy()
  // As `synchronize` of TypeORM makes it.
  await fixture.database.query(`create table "${bareTable}" (id serial primary key, identifier varchar,
    time bigint not null, duration int not null, query text not null, result text not null)`)
  await fixture.database.query(
    `grant select, insert, update, delete on "${bareTable}" to tenantry_app, tenantry_system`,
  )
  await fixture.database.query(
    `grant usage on all sequences in schema public to tenantry_app, tenantry_system`,
  )
})

beforeEach(async () => {
  await fixture.database.query(`truncate "${bareTable}", "query-result-cache"`)
  redis.values.clear()
})

type CacheOptions = Exclude<DataSource['options']['cache'], boolean | undefined>

const stores = {
  'the database': (): CacheOptions => ({ duration: 60_000 }),
  'the database, in a table without isolation': (): CacheOptions => ({
    tableName: bareTable,
    duration: 60_000,
  }),
  ioredis: (): CacheOptions => ({ type: 'ioredis', duration: 60_000 }),
  'a custom provider': (): CacheOptions => ({ provider: () => new MemoryProvider(), duration: 60_000 }),
}

type Read = (documents: Repository<Document>) => Promise<Document[]>

/** Every way to ask for a cached result: by its SQL, and by an identifier and those that TypeORM derives from it. */
const reads: Readonly<Record<string, Read>> = {
  'cache: true': (documents) => documents.find({ cache: true }),
  'cache: ms': (documents) => documents.find({ cache: 30_000 }),
  'cache: { id }': (documents) => documents.find({ cache: { id: 'documents', milliseconds: 30_000 } }),
  'findAndCount with an id': async (documents) => {
    const [found, count] = await documents.findAndCount({
      cache: { id: 'counted', milliseconds: 30_000 },
      take: 1,
    })
    expect(count).toBe(1)
    return found
  },
  'pagination with an id': (documents) =>
    documents
      .createQueryBuilder('document')
      .leftJoinAndSelect('document.folder', 'folder')
      .orderBy('document.id')
      .take(5)
      .cache('paged', 30_000)
      .getMany(),
}

const titles = async (dataSource: DataSource, read: Read): Promise<string[]> =>
  (await read(dataSource.getRepository(Document))).map(({ title }) => title)

/** As many checkouts as statements reach the pool while `work` runs. */
async function checkoutsOf(dataSource: DataSource, work: () => Promise<unknown>): Promise<number> {
  const { master: pool } = dataSource.driver as unknown as { master: TenantPool }
  let checkouts = 0
  const count = (): void => void (checkouts += 1)
  pool.on('acquire', count)
  await work()
  pool.off('acquire', count)
  return checkouts
}

describe.for(Object.entries(stores))('results in %s', ([store, options]) => {
  const isIsolated = store === 'the database'
  let plain: DataSource
  let guarded: TenantDataSource

  beforeAll(async () => {
    plain = await fixture.openPlain({ cache: options() })
    guarded = await fixture.openGuarded({ cache: options() })
  })

  describe.for(Object.entries(reads))('%s', ([, read]) => {
    test(`attack: without the wrapper one tenant gets ${isIsolated ? 'its own rows, as the table is isolated' : 'another’s rows'}`, async () => {
      const { acme, globex } = fixture
      expect(await tenancy.run(acme.id, () => titles(plain, read))).toEqual(['acme document'])
      const leaked = isIsolated ? 'globex document' : 'acme document'
      expect(await tenancy.run(globex.id, () => titles(plain, read))).toEqual([leaked])
    })

    test('each tenant gets its own, from the cache the second time', async () => {
      const { acme, globex, database } = fixture
      for (const _round of [1, 2]) {
        expect(await tenancy.run(acme.id, () => titles(guarded, read))).toEqual(['acme document'])
        expect(await tenancy.run(globex.id, () => titles(guarded, read))).toEqual(['globex document'])
      }
      await database.query(`update documents set title = 'renamed' where tenant_id = $1`, [acme.id])
      expect(await tenancy.run(acme.id, () => titles(guarded, read))).toEqual(['acme document'])
      await database.query(`update documents set title = 'acme document' where tenant_id = $1`, [acme.id])
    })
  })

  const read: Read = (documents) => documents.find({ cache: { id: 'documents', milliseconds: 60_000 } })

  test('the users of one tenant have results of their own', async () => {
    const { acme } = fixture
    await tenancy.run({ tenantId: acme.id, userId: randomUUID() }, () => titles(guarded, read))
    await tenancy.run({ tenantId: acme.id, userId: randomUUID() }, async () => {
      expect(await isCached(() => titles(guarded, read))).toBe(false)
    })
  })

  test('the system reads what is there, and leaves nothing of it to a tenant', async () => {
    const { acme, globex } = fixture
    await tenancy.run(acme.id, () => titles(guarded, read))
    const all = await tenancy.asSystem('a test', () => titles(guarded, read))
    expect(all.sort()).toEqual(['acme document', 'globex document'])
    expect(await tenancy.withoutTenant(() => titles(guarded, read))).toEqual([])
    expect(await tenancy.run(globex.id, () => titles(guarded, read))).toEqual(['globex document'])
  })

  test('without a scope nothing is read, not even from the cache', async () => {
    await tenancy.run(fixture.acme.id, () => titles(guarded, read))
    await expect(titles(guarded, read)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    const cache = guarded.queryResultCache
    await expect(cache?.remove(['documents'])).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    await expect(cache?.clear()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
  })

  test('remove() takes the identifiers that the application gave, of its own tenant', async () => {
    const { acme, globex } = fixture
    await tenancy.run(acme.id, () => titles(guarded, read))
    await tenancy.run(globex.id, () => titles(guarded, read))
    await tenancy.run(acme.id, () => guarded.queryResultCache?.remove(['documents']))
    expect(await tenancy.run(acme.id, () => isCached(() => titles(guarded, read)))).toBe(false)
    expect(await tenancy.run(globex.id, () => isCached(() => titles(guarded, read)))).toBe(true)
  })

  test('results expire', async () => {
    await tenancy.run(fixture.acme.id, async () => {
      const brief: Read = (documents) => documents.find({ cache: { id: 'brief', milliseconds: 1 } })
      await titles(guarded, brief)
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(await isCached(() => titles(guarded, brief))).toBe(false)
    })
  })

  test('rows of a transaction that is rolled back are not kept', async () => {
    const { acme } = fixture
    const attack = async (dataSource: DataSource, id: string): Promise<string[]> => {
      const cached: Read = (documents) => documents.find({ cache: { id, milliseconds: 60_000 } })
      await dataSource
        .transaction(async (manager) => {
          await manager.update(Document, { id: acme.documentId }, { title: 'never was' })
          await cached(manager.getRepository(Document))
          throw new Error('rolled back')
        })
        .catch(() => {})
      return titles(dataSource, cached)
    }
    await tenancy.run(acme.id, async () => {
      // The store in the database is rolled back with the rest.
      const isExternal = !store.startsWith('the database')
      expect(await attack(plain, 'attack')).toEqual([isExternal ? 'never was' : 'acme document'])
      expect(await attack(guarded, 'closed')).toEqual(['acme document'])
    })
  })

  test('a transaction reads what it wrote', async () => {
    await tenancy.run(fixture.acme.id, async () => {
      await titles(guarded, read)
      await guarded.transaction(async (manager) => {
        await manager.update(Document, { id: fixture.acme.documentId }, { title: 'written' })
        expect((await read(manager.getRepository(Document))).map(({ title }) => title)).toEqual(['written'])
        await manager.update(Document, { id: fixture.acme.documentId }, { title: 'acme document' })
      })
    })
  })

  const fill = async (): Promise<void> => {
    for (const { id } of [fixture.acme, fixture.globex]) await tenancy.run(id, () => titles(guarded, read))
  }
  const clear = async (): Promise<void> => guarded.queryResultCache?.clear()
  const areCached = (): Promise<boolean[]> =>
    Promise.all(
      [fixture.acme, fixture.globex].map(({ id }) =>
        tenancy.run(id, () => isCached(() => titles(guarded, read))),
      ),
    )

  test('clear() empties the cache of one tenant, where the store can', async () => {
    await fill()
    const outcome = await tenancy.run(fixture.acme.id, clear).then(
      () => 'cleared',
      (error: { code: string }) => error.code,
    )
    const inDatabase = store.startsWith('the database')
    expect(outcome).toBe(inDatabase ? 'cleared' : 'UNSUPPORTED_DRIVER')
    expect(await areCached()).toEqual([!inDatabase, true])
  })

  test('clear() as the system empties the cache of all', async () => {
    await fill()
    await tenancy.asSystem('a test', clear)
    expect(await areCached()).toEqual([false, false])
  })
})

/** Whether a read is served from the cache, which shows when the rows have changed meanwhile. */
async function isCached(read: () => Promise<string[]>): Promise<boolean> {
  const tenantId = tenancy.tenantId()
  const { database } = fixture
  const rename = (title: unknown): Promise<unknown> =>
    database.query(`update documents set title = $2 where tenant_id = $1`, [tenantId, title])
  const [before] = await database.query(`select title from documents where tenant_id = $1`, [tenantId])
  const title = randomUUID()
  await rename(title)
  try {
    return (await read())[0] !== title
  } finally {
    await rename(before?.['title'])
  }
}

describe('the table of results', () => {
  const everything = (dataSource: DataSource, table: string): Promise<{ result: string }[]> =>
    dataSource.query(`select * from "${table}"`)
  const read: Read = reads['cache: true'] as Read

  test('attack: as TypeORM makes it, any tenant reads what all have cached', async () => {
    const dataSource = await fixture.openGuarded({ cache: { tableName: bareTable, duration: 60_000 } })
    await tenancy.run(fixture.acme.id, () => titles(dataSource, read))
    const [row] = await tenancy.run(fixture.globex.id, () => everything(dataSource, bareTable))
    expect(row?.result).toContain('acme document')
  })

  test('made by createResultCacheTable() each tenant has its own rows of it', async () => {
    const { acme, globex } = fixture
    const dataSource = await fixture.openGuarded({ cache: { duration: 60_000 } })
    await tenancy.run(acme.id, () => titles(dataSource, read))
    expect(await tenancy.run(acme.id, () => everything(dataSource, 'query-result-cache'))).toHaveLength(1)
    expect(await tenancy.run(globex.id, () => everything(dataSource, 'query-result-cache'))).toEqual([])
    await dataSource.verify()
  })

  test('attack: migration:generate makes the open one, until a migration has made the other', async () => {
    const { urls } = fixture.database
    for (const [tableName, made] of [
      ['query-result-cache', 0],
      ['yet-to-be-made', 1],
    ] as const) {
      const owner = new MigrationDataSource({ type: 'postgres', url: urls.owner, cache: { tableName } })
      await owner.initialize()
      const { upQueries } = await owner.driver.createSchemaBuilder().log()
      expect(upQueries.filter(({ query }) => query.includes(tableName))).toHaveLength(made)
      await owner.destroy()
    }
  })

  test('has no value of a scope in its keys', async () => {
    const dataSource = await fixture.openGuarded({ cache: { duration: 60_000 } })
    await tenancy.run(fixture.acme.id, () => titles(dataSource, reads['cache: { id }'] as Read))
    const [row] = await fixture.database.query('select identifier, query from "query-result-cache"')
    expect(JSON.stringify(row)).not.toContain(fixture.acme.id)
    expect(row?.['identifier']).toMatch(/^[0-9a-f]{64}:documents$/)
  })
})

describe('the wrapper', () => {
  const read: Read = (documents) => documents.find({ cache: true })

  test('holds for a cache that setOptions() makes, and after destroy() and initialize()', async () => {
    const { acme, globex } = fixture
    const dataSource = await fixture.openGuarded()
    dataSource.setOptions({ cache: { provider: () => new MemoryProvider(), duration: 60_000 } })
    const bothRead = async (): Promise<void> => {
      expect(await tenancy.run(acme.id, () => titles(dataSource, read))).toEqual(['acme document'])
      expect(await tenancy.run(globex.id, () => titles(dataSource, read))).toEqual(['globex document'])
      await tenancy.run(acme.id, async () =>
        expect(await checkoutsOf(dataSource, () => titles(dataSource, read))).toBeLessThanOrEqual(1),
      )
    }
    await bothRead()
    await dataSource.destroy()
    await dataSource.initialize()
    await bothRead()
  })

  test('caches everything where the cache is always on', async () => {
    const { acme, globex } = fixture
    const dataSource = await fixture.openGuarded({
      cache: { provider: () => new MemoryProvider(), duration: 60_000, alwaysEnabled: true },
    })
    const all: Read = (documents) => documents.find()
    for (const _round of [1, 2]) {
      expect(await tenancy.run(acme.id, () => titles(dataSource, all))).toEqual(['acme document'])
      expect(await tenancy.run(globex.id, () => titles(dataSource, all))).toEqual(['globex document'])
    }
  })

  test('never stores rows under a scope that their query was not looked up in', async () => {
    const { acme, globex, database } = fixture
    let current = acme.id
    const sourced = createTenancy({ tenantId: 'uuid', source: () => current })
    const dataSource = new TenantDataSource({
      type: 'postgres',
      url: database.urls.app,
      entities,
      tenancy: sourced,
      cache: { provider: () => new MemoryProvider(), duration: 60_000 },
    })
    await dataSource.initialize()
    // Between the rows' arrival and their storing.
    dataSource.subscribers.push({
      afterQuery() {
        current = globex.id
      },
    })
    expect(await titles(dataSource, read)).toEqual(['acme document'])
    expect(await titles(dataSource, read)).toEqual(['globex document'])
    await dataSource.destroy()
  })

  test('a store that fails leaves no connection behind', async () => {
    const dataSource = await fixture.openGuarded({ cache: { tableName: 'missing' }, poolSize: 1 })
    await tenancy.run(fixture.acme.id, async () => {
      for (const _round of [1, 2]) {
        await expect(dataSource.queryResultCache?.remove(['x'])).rejects.toThrow('missing')
        await expect(dataSource.queryResultCache?.clear()).rejects.toThrow('missing')
        await expect(titles(dataSource, read)).rejects.toThrow('missing')
      }
      expect(await titles(dataSource, (documents) => documents.find())).toEqual(['acme document'])
    })
  })

  test('a store that fails for a replica’s rows leaves no connection of the primary behind', async () => {
    const { acme, database } = fixture
    const { app: url } = database.urls
    const dataSource = await fixture.openGuarded({
      cache: { tableName: bareTable },
      poolSize: 1,
      replication: { master: { url }, slaves: [{ url }] },
    })
    await database.query(`revoke insert on "${bareTable}" from tenantry_app`)
    try {
      await tenancy.run(acme.id, async () => {
        for (const _round of [1, 2]) {
          await expect(titles(dataSource, read)).rejects.toMatchObject({ code: '42501' })
        }
        expect(await dataSource.transaction((manager) => manager.count(Document))).toBe(1)
      })
    } finally {
      await database.query(`grant insert on "${bareTable}" to tenantry_app`)
    }
  })
})
