import { randomUUID } from 'node:crypto'
import { createTenancy } from '@tenantry/core'
import { asc, eq } from 'drizzle-orm'
import type { Cache } from 'drizzle-orm/cache/core'
import pg from 'pg'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { putCacheInto } from '../src/cached-session.ts'
import { tenantCache } from '../src/index.ts'
import { TenantCache } from '../src/tenant-cache.ts'
import { drivers, type Database } from './drivers.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { MemoryCache } from './memory-cache.ts'
import { projects } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

const fixture = useDatabase()

/** Names of projects, through the cache. */
const names = async (from: Pick<Database, 'select'>, tag?: string): Promise<string[]> => {
  const query = from.select({ name: projects.name }).from(projects).orderBy(asc(projects.name))
  const rows = await query.$withCache(tag === undefined ? undefined : { tag, autoInvalidate: false })
  return rows.map(({ name }) => name)
}

/** Gives the projects of acme the names that the tests start with. */
async function rename(from: Pick<Database, 'update'>, name: string): Promise<void> {
  await from.update(projects).set({ name }).where(eq(projects.id, fixture.acme.projectIds[0]))
}

const ofAcme = ['acme app', 'acme website']
const ofGlobex = ['globex app', 'globex website']

describe.each(drivers)('on $name', (driver) => {
  const { drizzle, plainDrizzle } = driver
  const client = (): object => driver.client(fixture)

  let store: MemoryCache
  /** As an application without this package has it. */
  let naive: Database
  /** The same store, wrapped. */
  let db: Database

  beforeEach(() => {
    store = new MemoryCache()
    naive = plainDrizzle({ client: client(), cache: store })
    db = drizzle({ client: client(), cache: tenantCache(store, tenancy) })
  })

  /** As many statements as reach the client while `work` runs. */
  async function statementsOf(work: () => Promise<unknown>): Promise<number> {
    const statements = vi.spyOn(client() as Record<string, () => unknown>, driver.method)
    try {
      await work()
      return statements.mock.calls.length
    } finally {
      statements.mockRestore()
    }
  }

  beforeEach(async () => {
    const { database, acme } = fixture
    await database.query(`update projects set name = 'acme website' where id = $1`, [acme.projectIds[0]])
  })

  describe('a plain cache of Drizzle', () => {
    test('attack: serves one tenant’s rows to another, and to nobody', async () => {
      const { acme, globex } = fixture
      await tenancy.run(acme.id, () => names(naive))
      expect(await tenancy.run(globex.id, () => names(naive))).toEqual(ofAcme)
      expect(await names(naive)).toEqual(ofAcme)
    })

    test('attack: keeps rows of a transaction that was rolled back', async () => {
      await tenancy.run(fixture.acme.id, async () => {
        await rolledBack(naive)
        expect(await names(naive)).toEqual(['acme app', 'never was'])
      })
    })

    test.runIf(!isDrizzle1)('attack: 0.45 keeps what was read while a write ran', async () => {
      expect(await readWhileWriting(naive)).toEqual(ofAcme)
    })
  })

  describe('tenantCache()', () => {
    test('keeps the results of tenants apart', async () => {
      const { acme, globex } = fixture
      for (const _round of [1, 2]) {
        expect(await tenancy.run(acme.id, () => names(db))).toEqual(ofAcme)
        expect(await tenancy.run(globex.id, () => names(db))).toEqual(ofGlobex)
        expect(await tenancy.withoutTenant(() => names(db))).toEqual([])
        expect(await tenancy.asSystem('a test', () => names(db))).toEqual([...ofAcme, ...ofGlobex])
      }
      expect(store.results.size).toBe(4)
    })

    test('serves from the cache', async () => {
      const { acme } = fixture
      await tenancy.run(acme.id, async () => {
        expect(await statementsOf(() => names(db))).toBe(1)
        expect(await statementsOf(() => names(db))).toBe(0)
      })
    })

    test('keeps the users of one tenant apart', async () => {
      const { acme } = fixture
      const [one, other] = [randomUUID(), randomUUID()]
      await tenancy.run({ tenantId: acme.id, userId: one }, () => names(db))
      await tenancy.run({ tenantId: acme.id, userId: other }, async () => {
        expect(await statementsOf(() => names(db))).toBe(1)
      })
      expect(store.results.size).toBe(2)
    })

    test('has no value of a scope in its keys', async () => {
      const { acme } = fixture
      await tenancy.run(acme.id, () => names(db))
      await tenancy.run(acme.id, () => names(db, 'dashboard'))
      expect(JSON.stringify([...store.results.keys()])).not.toContain(acme.id)
    })

    test('refuses a query without a scope, cached or not', async () => {
      await expect(names(db)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
      await tenancy.run(fixture.acme.id, () => names(db))
      await expect(names(db)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
      await expect(names(db, 'tag')).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    })

    test('refuses to work with drizzle() of drizzle-orm', async () => {
      const other = plainDrizzle({ client: client(), cache: tenantCache(store, tenancy) })
      await expect(tenancy.run(fixture.acme.id, () => names(other))).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
      })
    })

    test('caches everything where the strategy is to', async () => {
      const { acme, globex } = fixture
      const everything = drizzle({
        client: client(),
        cache: tenantCache(new MemoryCache('all'), tenancy),
      })
      const list = (): Promise<{ name: string }[]> =>
        everything.select({ name: projects.name }).from(projects)
      const [first] = await tenancy.run(acme.id, async () => [await list(), await list()])
      expect(first).toHaveLength(2)
      expect(await tenancy.run(globex.id, async () => (await list()).map(({ name }) => name).sort())).toEqual(
        ofGlobex,
      )
      await tenancy.run(acme.id, async () => expect(await statementsOf(list)).toBe(0))
      await expect(async () => list()).rejects.toMatchObject({ code: 'TENANT_REQUIRED' })
    })

    test('keeps one scope from the look-up to the storing, though the source may change in between', async () => {
      const { acme, globex, database } = fixture
      let current = acme.id
      const sourced = createTenancy({ tenantId: 'uuid', source: () => current })
      const own = driver.connect(sourced, database.urls.app)
      const changing = new (class extends MemoryCache {
        override async get(key: string): Promise<unknown[] | undefined> {
          const found = await super.get(key)
          current = globex.id
          return found
        }
      })()
      const other = drizzle({ client: own, cache: tenantCache(changing, sourced) })
      expect(await names(other)).toEqual(ofAcme)
      expect(await names(other)).toEqual(ofGlobex)
      current = acme.id
      expect(await names(other)).toEqual(ofAcme)
      await own.end()
    })
  })

  describe('invalidation', () => {
    test('a write invalidates what was read from its table', async () => {
      await tenancy.run(fixture.acme.id, async () => {
        expect(await names(db)).toEqual(ofAcme)
        await rename(db, 'renamed')
        expect(await names(db)).toEqual(['acme app', 'renamed'])
      })
    })

    test('a write by the system, or by another user, invalidates it for everybody', async () => {
      const { acme } = fixture
      await tenancy.run(acme.id, () => names(db))
      await tenancy.asSystem('a test', () => rename(db, 'by the system'))
      expect(await tenancy.run(acme.id, () => names(db))).toEqual(['acme app', 'by the system'])
      await tenancy.run({ tenantId: acme.id, userId: randomUUID() }, () => rename(db, 'by a user'))
      expect(await tenancy.run(acme.id, () => names(db))).toEqual(['acme app', 'by a user'])
    })

    test('what was read while a write ran is read again', async () => {
      expect(await readWhileWriting(db)).toEqual(['acme app', 'written'])
    })

    test('tags are kept apart by scope, and invalidated in all of them', async () => {
      const { acme, globex } = fixture
      const tagged = (): Promise<string[]> => names(db, 'dashboard')
      expect(await tenancy.run(acme.id, tagged)).toEqual(ofAcme)
      expect(await tenancy.run(globex.id, tagged)).toEqual(ofGlobex)
      await tenancy.run(acme.id, () => rename(db, 'renamed'))
      // With autoInvalidate: false a write leaves it alone.
      expect(await tenancy.run(acme.id, tagged)).toEqual(ofAcme)
      await tenancy.run({ tenantId: acme.id, userId: randomUUID() }, () =>
        db.$cache.invalidate({ tags: ['dashboard'] }),
      )
      expect(await tenancy.run(acme.id, tagged)).toEqual(['acme app', 'renamed'])
      expect(await tenancy.run(globex.id, () => statementsOf(tagged))).toBe(1)
      expect(await tenancy.run(globex.id, () => statementsOf(tagged))).toBe(0)
    })

    test('$cache.invalidate takes tables as well', async () => {
      const { acme } = fixture
      await tenancy.run(acme.id, () => names(db))
      await db.$cache.invalidate({ tables: projects })
      await tenancy.run(acme.id, async () => expect(await statementsOf(() => names(db))).toBe(1))
      await db.$cache.invalidate({ tables: 'projects' })
      await tenancy.run(acme.id, async () => expect(await statementsOf(() => names(db))).toBe(1))
    })

    test('a failed invalidation is an error of the write, and never hides one', async () => {
      const failing = new (class extends MemoryCache {
        override async onMutate(): Promise<void> {
          throw new Error('the store is gone')
        }
      })()
      const other = drizzle({ client: client(), cache: tenantCache(failing, tenancy) })
      await tenancy.run(fixture.acme.id, async () => {
        await expect(rename(other, 'renamed')).rejects.toThrow('the store is gone')
        await expect(other.transaction((transaction) => rename(transaction, 'renamed'))).rejects.toThrow(
          'the store is gone',
        )
        await expect(
          other.transaction(async (transaction) => {
            await rename(transaction, 'lost')
            throw new Error('the first')
          }),
        ).rejects.toThrow('the first')
      })
    })
  })

  describe('transactions', () => {
    test('neither read from the cache nor put into it', async () => {
      await tenancy.run(fixture.acme.id, async () => {
        await rolledBack(db)
        expect(store.results.size).toBe(0)
        expect(await names(db)).toEqual(ofAcme)
        await db.transaction(async (transaction) => {
          await rename(transaction, 'renamed')
          expect(await names(transaction)).toEqual(['acme app', 'renamed'])
          await transaction.transaction(async (inner) => {
            await rename(inner, 'renamed again')
            expect(await names(inner)).toEqual(['acme app', 'renamed again'])
          })
          // Others read what is committed, and may cache it.
          expect(await names(db)).toEqual(ofAcme)
        })
        expect(await names(db)).toEqual(['acme app', 'renamed again'])
      })
    })

    test('invalidate what they wrote after a rollback too: the answer to a commit may be lost', async () => {
      const { acme } = fixture
      await tenancy.run(acme.id, async () => {
        await names(db)
        await rolledBack(db)
        expect(await statementsOf(() => names(db))).toBe(1)
      })
    })

    test('tags invalidated inside are invalidated', async () => {
      await tenancy.run(fixture.acme.id, async () => {
        expect(await names(db, 'dashboard')).toEqual(ofAcme)
        await db.transaction(async (transaction) => {
          await rename(transaction, 'renamed')
        })
        await db.$cache.invalidate({ tags: 'dashboard' })
        expect(await names(db, 'dashboard')).toEqual(['acme app', 'renamed'])
      })
    })
  })
})

test('a release of Drizzle that keeps its cache elsewhere is refused', () => {
  const store = new MemoryCache()
  const cache = new TenantCache(store, tenancy)
  for (const other of [{}, { session: {} }, { session: { options: { cache: store as Cache } } }]) {
    expect(() => putCacheInto(other, cache)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_DRIVER' }) as Error,
    )
  }
})

/** A transaction that reads what it wrote, and is rolled back. */
async function rolledBack(database: Database): Promise<void> {
  await expect(
    database.transaction(async (transaction) => {
      await rename(transaction, 'never was')
      await names(transaction)
      transaction.rollback()
    }),
  ).rejects.toThrow('Rollback')
}

/** Reads while a write is under way, held up by a lock, and again after it. */
async function readWhileWriting(database: Database): Promise<string[]> {
  const { acme, database: server } = fixture
  const holder = new pg.Client(server.urls.superuser)
  await holder.connect()
  await holder.query('begin')
  await holder.query('select from projects where id = $1 for update', [acme.projectIds[0]])
  try {
    return await tenancy.run(acme.id, async () => {
      const writing = rename(database, 'written')
      await waitForLock(holder)
      expect(await names(database)).toEqual(ofAcme)
      await holder.query('commit')
      await writing
      return names(database)
    })
  } finally {
    await holder.end()
  }
}

/** Until somebody waits for the lock that this client holds. */
async function waitForLock(holder: pg.Client): Promise<void> {
  for (;;) {
    const { rowCount } = await holder.query(
      'select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))',
    )
    if (rowCount === 1) return
  }
}
