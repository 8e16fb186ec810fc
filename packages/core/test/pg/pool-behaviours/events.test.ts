import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { backendOf, killBackends } from '../support/backends.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { happens } from '../support/happens.ts'
import { openPool } from '../support/open-pool.ts'
import { pgIsAtLeast } from '../support/pg-version.ts'
import { poolKinds } from '../support/pool-kinds.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Counts the events of a pool. */
function countEvents(pool: pg.Pool): Record<'connect' | 'acquire' | 'release' | 'remove' | 'error', number> {
  const counts = { connect: 0, acquire: 0, release: 0, remove: 0, error: 0 }
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
    pool.on(name as 'connect', () => (counts[name] += 1))
  }
  return counts
}

describe.each(poolKinds)('$kind tells its listeners', ({ open, inScope }) => {
  test(
    'of each connection made, each checkout, each release and each removal',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      const counts = countEvents(pool)
      expect(counts).toEqual({ connect: 0, acquire: 0, release: 0, remove: 0, error: 0 })
      for (let use = 0; use < 3; use += 1) await pool.query('select 1')
      expect(counts).toEqual({ connect: 1, acquire: 3, release: 3, remove: 0, error: 0 })
      const [a, b] = await Promise.all([pool.connect(), pool.connect()])
      expect(counts).toEqual({ connect: 2, acquire: 5, release: 3, remove: 0, error: 0 })
      a.release()
      b.release()
      expect(counts).toEqual({ connect: 2, acquire: 5, release: 5, remove: 0, error: 0 })
      const removals = happens(pool, 'remove')
      ;(await pool.connect()).release(true)
      await removals
      expect(counts).toEqual({ connect: 2, acquire: 6, release: 6, remove: 1, error: 0 })
      const last = happens(pool, 'remove')
      await pool.end()
      await last
      expect(counts).toEqual({ connect: 2, acquire: 6, release: 6, remove: 2, error: 0 })
    }),
  )

  test(
    'of a connection before whoever asked for it has it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const order: string[] = []
      pool.on('connect', () => order.push('connect'))
      pool.on('acquire', () => order.push('acquire'))
      await new Promise<void>((resolve) => {
        pool.connect((_error, _client, release) => {
          order.push('callback')
          setImmediate(() => {
            release()
            resolve()
          })
        })
      })
      expect(order).toEqual(['connect', 'acquire', 'callback'])
    }),
  )

  test(
    'of no connection that failed',
    inScope(async () => {
      const url = new URL(database.urls.app)
      url.password = 'wrong'
      const pool = open({ connectionString: url.href, max: 1 })
      const counts = countEvents(pool)
      await expect(pool.connect()).rejects.toMatchObject({ code: '28P01' })
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: '28P01' })
      expect(counts).toEqual({ connect: 0, acquire: 0, release: 0, remove: 0, error: 0 })
    }),
  )

  test(
    'why a client was released',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const reasons: unknown[] = []
      pool.on('release', (error: Error | null | undefined) => reasons.push(error ?? undefined))
      const reason = new Error('no longer trusted')
      ;(await pool.connect()).release(reason)
      ;(await pool.connect()).release()
      await pool.query('select 1')
      const failure: unknown = await pool.query('select nothing').catch((error: unknown) => error)
      expect(reasons).toEqual([reason, undefined, undefined, failure])
    }),
  )

  test(
    'of the death of an idle connection, with its error, and replaces it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      const counts = countEvents(pool)
      const client = await pool.connect()
      const backend = await backendOf(client)
      client.release()
      const death = new Promise<{ error: Error; client: unknown; counts: number[] }>((resolve) => {
        pool.on('error', (error, dead) =>
          resolve({ error, client: dead, counts: [pool.totalCount, pool.idleCount] }),
        )
      })
      await killBackends(database, backend)
      const seen = await death
      expect(seen.error).toMatchObject({ code: '57P01' })
      expect((seen.error as Error & { client?: unknown }).client === seen.client).toBe(true)
      expect(seen.client).toBeInstanceOf(pg.Client)
      expect(seen.counts).toEqual([0, 0])
      await expectWhole(pool)
      expect(counts.error).toBe(1)
    }),
  )

  test(
    'nothing of the death of a connection that somebody holds: that one is told',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const counts = countEvents(pool)
      const client = await pool.connect()
      const told = new Promise((resolve) => client.on('error', resolve))
      await killBackends(database, await backendOf(client))
      expect(await told).toMatchObject({ code: '57P01' })
      client.release()
      await expectWhole(pool)
      expect(counts.error).toBe(0)
    }),
  )

  test(
    'on connect, with a client for set-up statements that are done before anybody else uses it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      pool.on('connect', (client) => {
        void client.query("set application_name to 'set up'")
        void client.query('set statement_timeout to 54321')
      })
      const client = await pool.connect()
      const { rows } = await client.query(
        `select current_setting('application_name') as name, current_setting('statement_timeout') as timeout`,
      )
      expect(rows).toEqual([{ name: 'set up', timeout: '54321ms' }])
      client.release()
    }),
  )

  test.skipIf(!pgIsAtLeast(20))(
    'through onConnect, which it waits for, once a connection (pg 8.20 and later)',
    inScope(async () => {
      let calls = 0
      const pool = open({
        connectionString: database.urls.app,
        max: 2,
        onConnect: async (client: pg.ClientBase) => {
          calls += 1
          await client.query("set application_name to 'set up'")
          await client.query('select pg_sleep(0.01)')
        },
      })
      for (let round = 0; round < 2; round += 1) {
        const [a, b] = await Promise.all([pool.connect(), pool.connect()])
        for (const client of [a, b]) {
          const { rows } = await client.query("select current_setting('application_name') as name")
          expect(rows).toEqual([{ name: 'set up' }])
          client.release()
        }
      }
      await pool.query('select 1')
      expect(calls).toBe(2)
    }),
  )

  test.skipIf(!pgIsAtLeast(20)).each([
    [
      'throws',
      () => {
        throw new Error('no set-up')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no set-up'))],
    ['fails in the database', (client: pg.ClientBase) => client.query('select no_set_up')],
  ])('of an onConnect that %s, and recovers (pg 8.20 and later)', async (_how, fail) =>
    inScope(async () => {
      let failing = true
      const pool = open({
        connectionString: database.urls.app,
        max: 1,
        onConnect: (client: pg.ClientBase) => (failing ? fail(client) : undefined),
      })
      for (let round = 0; round < 5; round += 1) {
        await expect(pool.connect()).rejects.toThrow(/no.set.up/)
        await expect(pool.query('select 1')).rejects.toThrow(/no.set.up/)
      }
      expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([0, 0, 0])
      failing = false
      await expectWhole(pool)
    })(),
  )

  test(
    'through the option verify, which may refuse a new connection',
    inScope(async () => {
      let failure: Error | undefined = new Error('not this server')
      const verified: pg.ClientBase[] = []
      const pool = open({
        connectionString: database.urls.app,
        max: 1,
        verify: (client: pg.ClientBase, done: (error?: Error) => void) => {
          verified.push(client)
          client.query('select 1', (error) => done(error ?? failure))
        },
      })
      await expect(pool.connect()).rejects.toBe(failure)
      await expect(pool.query('select 1')).rejects.toBe(failure)
      failure = undefined
      await expectWhole(pool)
      await pool.query('select 1')
      expect(verified).toHaveLength(3)
    }),
  )
})

describe('TenantPool', () => {
  const inTenant = (fn: () => Promise<void>) => () => tenancy.run(tenantId(1), fn)

  test(
    'without a listener survives the death of an idle connection',
    inTenant(async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const clients = await Promise.all([pool.connect(), pool.connect()])
      const backends = await Promise.all(clients.map(backendOf))
      for (const client of clients) client.release()
      const removed = happens(pool, 'remove')
      await killBackends(database, ...backends)
      await removed
      await expectWhole(pool)
    }),
  )

  test(
    'without a listener survives the death of a connection that somebody holds',
    inTenant(async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      const ended = happens(client, 'end')
      await killBackends(database, await backendOf(client))
      await ended
      await expect(client.query('select 1')).rejects.toThrow('not queryable')
      client.release()
      await expectWhole(pool)
    }),
  )

  test('tells of the death of an idle connection of its system pool, and survives it without a listener', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
      max: 1,
    })
    await tenancy.asSystem('a test', async () => {
      const visit = async (): Promise<number> => {
        const client = await pool.connect()
        const backend = await backendOf(client)
        client.release()
        return backend
      }
      const unheard = await visit()
      await killBackends(database, unheard)
      // Its death is known once a new connection serves; until then, a statement on it may fail.
      let next = await visit().catch(() => unheard)
      while (next === unheard) next = await visit().catch(() => unheard)

      const death = new Promise((resolve) => pool.on('error', resolve))
      await killBackends(database, next)
      expect(await death).toMatchObject({ code: '57P01' })
      expect(await visit()).not.toBe(next)
    })
  })
})
