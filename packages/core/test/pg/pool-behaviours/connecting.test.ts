import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { expectWhole } from '../support/expect-whole.ts'
import { poolKinds } from '../support/pool-kinds.ts'
import { closedPort, silentServer } from '../support/silent-server.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** `connectionString`, with something in it replaced. */
function altered(connectionString: string, change: (url: URL) => void): string {
  const url = new URL(connectionString)
  change(url)
  return url.href
}

/** What a callback was called with; fails if it is called twice, or before `start` returns. */
function called<Values extends unknown[]>(
  start: (callback: (...values: Values) => void) => unknown,
): Promise<Values> {
  return new Promise((resolve, reject) => {
    let returned = false
    let calls = 0
    start((...values) => {
      calls += 1
      if (!returned) reject(new Error('called back synchronously'))
      if (calls > 1) reject(new Error('called back twice'))
      setImmediate(() => resolve(values))
    })
    returned = true
  })
}

describe.each(poolKinds)('$kind connects', ({ open, inScope }) => {
  test(
    'for a promise',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      client.release()
      expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
    }),
  )

  test(
    'for a callback, never before connect() has returned, with a client and what releases it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      for (let round = 0; round < 2; round += 1) {
        const [error, client, release] = await called<Parameters<Parameters<typeof pool.connect>[0]>>(
          (callback) => pool.connect(callback),
        )
        expect(error).toBeFalsy()
        expect((await client?.query('select 1 as one'))?.rows).toEqual([{ one: 1 }])
        release()
      }
      await expectWhole(pool)
    }),
  )

  test(
    'for a callback that releases at once, as TypeORM does to see whether the database is there',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      for (let round = 0; round < 3; round += 1) {
        await new Promise<void>((resolve, reject) => {
          pool.connect((error, _client, release) => {
            release()
            if (error) reject(error)
            else resolve()
          })
        })
      }
      await expectWhole(pool)
    }),
  )

  test(
    'not to an unreachable server, and passes on the error of the socket',
    inScope(async () => {
      const pool = open({ host: '127.0.0.1', port: await closedPort(), max: 1 })
      await expect(pool.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' })
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      const [error, client] = await called((callback: (error: unknown, client: unknown) => void) =>
        pool.connect(callback),
      )
      expect(error).toMatchObject({ code: 'ECONNREFUSED' })
      expect(client).toBeUndefined()
      const [queryError] = await called((callback: (error: unknown) => void) =>
        pool.query('select 1', callback),
      )
      expect(queryError).toMatchObject({ code: 'ECONNREFUSED' })
      expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    }),
  )

  test(
    'not with a wrong password, and passes on the error of the server',
    inScope(async () => {
      const wrong = altered(database.urls.app, (url) => (url.password = 'wrong'))
      const pool = open({ connectionString: wrong, max: 1 })
      for (const attempt of await Promise.allSettled([pool.connect(), pool.query('select 1')])) {
        const error: unknown = attempt.status === 'rejected' && attempt.reason
        expect(error).toBeInstanceOf(pg.DatabaseError)
        expect(error).toMatchObject({ code: '28P01', severity: 'FATAL' })
      }
      expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    }),
  )

  test(
    'not to an unknown database, and passes on the error of the server',
    inScope(async () => {
      const unknown = altered(database.urls.app, (url) => (url.pathname = '/no_such_database'))
      const pool = open({ connectionString: unknown, max: 1 })
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: '3D000' })
      expect([pool.totalCount, pool.waitingCount]).toEqual([0, 0])
    }),
  )

  test(
    'again once the password is right, with no slot lost to the attempts that failed',
    inScope(async () => {
      let password = 'wrong'
      const { username, hostname, port, pathname, password: right } = new URL(database.urls.app)
      const pool = open({
        host: hostname,
        port: Number(port),
        user: username,
        database: pathname.slice(1),
        password: () => password,
        max: 2,
      })
      const failed = await Promise.allSettled(Array.from({ length: 6 }, () => pool.query('select 1')))
      expect(failed.map(({ status }) => status)).toEqual(failed.map(() => 'rejected'))
      password = decodeURIComponent(right)
      await expectWhole(pool)
    }),
  )

  test(
    'no longer than connectionTimeoutMillis to a server that does not answer',
    inScope(async () => {
      const pool = open({
        host: '127.0.0.1',
        port: await silentServer(),
        connectionTimeoutMillis: 20,
        max: 2,
      })
      const attempts = await Promise.allSettled([
        pool.connect(),
        pool.query('select 1'),
        pool.connect(),
        pool.query('select 1'),
      ])
      for (const attempt of attempts) {
        expect(attempt).toMatchObject({
          status: 'rejected',
          reason: { message: expect.stringMatching(/timeout/) as string },
        })
      }
      const [error, client] = await called((callback: (error: Error | undefined, client: unknown) => void) =>
        pool.connect(callback),
      )
      expect(error?.message).toMatch(/timeout/)
      expect(client).toBeUndefined()
      // One who waited has left behind the connection that was being made for it, which gives up in its turn.
      while (pool.totalCount > 0) await nextTurn()
      expect([pool.idleCount, pool.waitingCount]).toEqual([0, 0])
    }),
  )

  test(
    'no longer than connectionTimeoutMillis while all connections are taken, and serves those behind',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, connectionTimeoutMillis: 1_000, max: 1 })
      const held = await pool.connect()
      // Two in a row: the one that gave up must not take the place of the other.
      pool.options.connectionTimeoutMillis = 20
      const waiting = Promise.allSettled([pool.connect(), pool.query('select 1')])
      pool.options.connectionTimeoutMillis = 10_000
      const patient = pool.query('select 2 as two')
      expect(pool.waitingCount).toBe(3)
      for (const attempt of await waiting) {
        expect(attempt).toMatchObject({ reason: { message: 'timeout exceeded when trying to connect' } })
      }
      expect(pool.waitingCount).toBe(1)
      held.release()
      expect((await patient).rows).toEqual([{ two: 2 }])
      await expectWhole(pool)
    }),
  )
})
