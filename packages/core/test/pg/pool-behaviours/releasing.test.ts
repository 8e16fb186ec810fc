import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { backendOf, killBackends } from '../support/backends.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { happens } from '../support/happens.ts'
import { pgIsAtLeast } from '../support/pg-version.ts'
import { poolKinds } from '../support/pool-kinds.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Checks out a client, asks who serves it, and releases it. */
async function visit(pool: pg.Pool, release?: Error | boolean): Promise<number> {
  const client = await pool.connect()
  const backend = await backendOf(client)
  client.release(release)
  return backend
}

/** The number of connections that the server has of a pool. */
async function served(applicationName: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'select count(*)::int from pg_stat_activity where datname = current_database() and application_name = $1',
    [applicationName],
  )
  return row?.count ?? -1
}

describe.each(poolKinds)('$kind, its clients released', ({ kind, open, inScope }) => {
  test(
    'hands the connection to the next one',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const first = await visit(pool)
      expect(await visit(pool)).toBe(first)
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    }),
  )

  test(
    'serves those who wait in the order in which they came',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const order: number[] = []
      await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const client = await pool.connect()
          await client.query('select 1')
          order.push(index)
          client.release()
        }),
      )
      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }),
  )

  test(
    'opens no more than max connections, however many want one',
    inScope(async () => {
      const application = `max of ${kind}`
      const pool = open({
        connectionString: database.urls.app,
        max: 3,
        application_name: application,
      })
      const work = Array.from({ length: 40 }, () => pool.query('select pg_backend_pid() as pid'))
      expect([pool.totalCount, pool.waitingCount]).toEqual([3, 37])
      const pids = (await Promise.all(work)).map(({ rows }) => (rows as { pid: number }[])[0]?.pid)
      expect(new Set(pids).size).toBe(3)
      expect(await served(application)).toBe(3)
      expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([3, 3, 0])
    }),
  )

  test(
    'throws at a second release, each time and either way, and frees nobody else by it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const again = 'Release called on client which has already been released to the pool.'
      const client = await pool.connect()
      const release = await new Promise<() => void>((resolve) => {
        client.release()
        pool.connect((_error, _client, done) => resolve(done))
      })
      expect(pool.idleCount).toBe(0)
      release()
      expect(() => release()).toThrow(again)
      expect(() => release()).toThrow(again)
      const next = await pool.connect()
      next.release()
      expect(() => next.release()).toThrow(again)
      expect(() => next.release(true)).toThrow(again)
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    }),
  )

  test(
    'destroys what is released with an error or true, and replaces it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      let removed = 0
      const both = new Promise<void>((resolve) => {
        pool.on('remove', () => {
          removed += 1
          if (removed === 2) resolve()
        })
      })
      const backends = [
        await visit(pool, true),
        await visit(pool, new Error('no longer trusted')),
        await visit(pool, false),
        await visit(pool),
      ]
      expect(new Set(backends).size).toBe(3)
      expect(backends[2]).toBe(backends[3])
      await both
      await expectWhole(pool)
      expect(removed).toBe(2)
    }),
  )

  test(
    'destroys what was killed while checked out, idle or at work, whether or not the caller says so',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      pool.on('error', () => {})
      for (const release of [undefined, true, new Error('gone')]) {
        const idle = await pool.connect()
        const working = await pool.connect()
        for (const client of [idle, working]) client.on('error', () => {})
        const backends = await Promise.all([backendOf(idle), backendOf(working)])
        const ended = [idle, working].map((client) => happens(client, 'end'))
        const failure = failureOf(working.query('select pg_sleep(60)'))
        await killBackends(database, ...backends)
        expect(await failure).toMatchObject({ code: '57P01' })
        await Promise.all(ended)
        await expect(idle.query('select 1')).rejects.toThrow('not queryable')
        idle.release(release)
        working.release(release)
        await expectWhole(pool)
      }
    }),
  )

  test(
    'fails what was queued behind the statement that the connection died in, and what comes after',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      pool.on('error', () => {})
      const client = await pool.connect()
      client.on('error', () => {})
      const backend = await backendOf(client)
      const ended = happens(client, 'end')
      const outcomes = Promise.allSettled([
        client.query('select pg_sleep(60)'),
        client.query('select 1'),
        client.query('select $1::int', [2]),
      ])
      await killBackends(database, backend)
      const reasons = (await outcomes).map(
        (outcome) => outcome.status === 'rejected' && (outcome.reason as Error),
      )
      expect(reasons[0]).toMatchObject({ code: '57P01' })
      // The system reports the end of the connection in either way.
      const gone = {
        message: expect.stringMatching(/^Connection terminated unexpectedly$|ECONNRESET/) as string,
      }
      expect(reasons[1]).toMatchObject(gone)
      expect(reasons[2]).toMatchObject(gone)
      await ended
      await expect(client.query('select 1')).rejects.toThrow('not queryable')
      client.release()
      await expectWhole(pool)
    }),
  )

  test(
    'destroys what dies during a pool.query(), whose caller is told',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      pool.on('error', () => {})
      const [asked] = (await pool.query('select pg_backend_pid() as pid')).rows as { pid: number }[]
      const byPromise = failureOf(pool.query('select pg_sleep(60)'))
      const byCallback = new Promise((resolve) => pool.query('select pg_sleep(60)', resolve))
      let pids: { pid: number }[] = []
      while (pids.length < 2) {
        pids = await database.query(
          "select pid from pg_stat_activity where datname = current_database() and query = 'select pg_sleep(60)'",
        )
      }
      expect(pids.map(({ pid }) => pid)).toContain(asked?.pid)
      await killBackends(database, ...pids.map(({ pid }) => pid))
      expect(await byPromise).toMatchObject({ code: '57P01' })
      expect(await byCallback).toMatchObject({ code: '57P01' })
      await expectWhole(pool)
    }),
  )

  test(
    'destroys what is released at once when its statement fails with the connection',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      pool.on('error', () => {})
      const client = await pool.connect()
      client.on('error', () => {})
      const backend = await backendOf(client)
      const work = client.query('select pg_sleep(60)').catch(() => client.release())
      await killBackends(database, backend)
      await work
      await expectWhole(pool)
    }),
  )

  test(
    'destroys what a client.end() has closed',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      await (client as unknown as pg.Client).end()
      client.release()
      await expectWhole(pool)
    }),
  )

  test(
    'keeps no connection for longer than maxUses',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1, maxUses: 3 })
      const backends: number[] = []
      for (let use = 0; use < 7; use += 1) backends.push(await visit(pool))
      const [a, b, c] = [backends[0], backends[3], backends[6]]
      expect(backends).toEqual([a, a, a, b, b, b, c])
      expect(new Set([a, b, c]).size).toBe(3)
    }),
  )

  test(
    'gives those who wait a new connection when maxUses ends the one they waited for',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1, maxUses: 2 })
      const backends = await Promise.all(Array.from({ length: 6 }, () => visit(pool)))
      expect(backends[0]).toBe(backends[1])
      expect(new Set(backends).size).toBe(3)
      expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    }),
  )

  test(
    'closes what was idle for idleTimeoutMillis, and only that',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2, idleTimeoutMillis: 30 })
      const [idle, used] = await Promise.all([pool.connect(), pool.connect()])
      const removal = happens(pool, 'remove')
      idle.release()
      await removal
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
      expect((await used.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      const last = happens(pool, 'remove')
      used.release()
      expect(pool.idleCount).toBe(1)
      await last
      expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
      await visit(pool)
    }),
  )

  test(
    'closes nothing when idleTimeoutMillis is 0',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1, idleTimeoutMillis: 0 })
      const other = open({ connectionString: database.urls.app, max: 1, idleTimeoutMillis: 20 })
      const backend = await visit(pool)
      const removal = happens(other, 'remove')
      await visit(other)
      await removal
      expect(await visit(pool)).toBe(backend)
    }),
  )

  test.skipIf(!pgIsAtLeast(20))(
    'keeps min connections however long they are idle (pg 8.11 knows no min, and 8.16 closes them all the same)',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 3, min: 1, idleTimeoutMillis: 20 })
      const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
      let removed = 0
      const two = new Promise<void>((resolve) => {
        pool.on('remove', () => {
          removed += 1
          if (removed === 2) resolve()
        })
      })
      for (const client of clients) client.release()
      await two
      await delay(40)
      expect([removed, pool.totalCount, pool.idleCount]).toEqual([2, 1, 1])
    }),
  )

  test(
    'closes what has lived for maxLifetimeSeconds: at once if idle, else when it is released',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2, maxLifetimeSeconds: 0.1 })
      const [idle, used] = await Promise.all([pool.connect(), pool.connect()])
      const removal = happens(pool, 'remove')
      idle.release()
      await removal
      await used.query('select pg_sleep(0.2)')
      expect(pool.totalCount).toBe(1)
      expect((pool as unknown as { expiredCount: number }).expiredCount).toBe(1)
      const last = happens(pool, 'remove')
      used.release()
      await last
      expect([pool.totalCount, (pool as unknown as { expiredCount: number }).expiredCount]).toEqual([0, 0])
      await expectWhole(pool)
    }),
  )
})
