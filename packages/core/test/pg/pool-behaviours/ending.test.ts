import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { happens } from '../support/happens.ts'
import { openPool } from '../support/open-pool.ts'
import { poolKinds } from '../support/pool-kinds.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  return settled
}

describe.each(poolKinds)('end() of $kind', ({ open, inScope }) => {
  test(
    'ends a pool that was never used, for a promise or a callback',
    inScope(async () => {
      await expect(open({ connectionString: database.urls.app }).end()).resolves.toBeUndefined()
      const pool = open({ connectionString: database.urls.app })
      const given = await new Promise<unknown[]>((resolve) => {
        expect(pool.end((...values: unknown[]) => resolve(values))).toBeUndefined()
      })
      expect(given.filter((value) => value !== undefined)).toEqual([])
    }),
  )

  test(
    'closes the connections',
    inScope(async () => {
      const application = `ending ${Math.random()}`
      const pool = open({ connectionString: database.urls.app, application_name: application, max: 3 })
      await Promise.all([1, 2, 3].map(() => pool.query('select pg_sleep(0.01)')))
      expect(pool.totalCount).toBe(3)
      await pool.end()
      expect([pool.ended, pool.totalCount, pool.idleCount]).toEqual([true, 0, 0])
      let open_ = 3
      while (open_ > 0) {
        const rows = await database.query(
          'select from pg_stat_activity where datname = current_database() and application_name = $1',
          [application],
        )
        open_ = rows.length
      }
    }),
  )

  test(
    'lets finish what runs',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 20 })
      const work = Array.from({ length: 20 }, () => pool.query('select 1 as one'))
      await pool.end()
      expect((await Promise.all(work)).map(({ rows }) => rows as unknown)).toEqual(
        work.map(() => [{ one: 1 }]),
      )
    }),
  )

  test(
    'waits for clients that are checked out, which stay usable',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      const [used, idle] = await Promise.all([pool.connect(), pool.connect()])
      idle.release()
      const removed = happens(pool, 'remove')
      const ended = pool.end()
      await removed
      expect([pool.totalCount, pool.ending, pool.ended]).toEqual([1, true, false])
      expect((await used.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(await isSettled(ended)).toBe(false)
      used.release()
      await ended
      expect([pool.totalCount, pool.ended]).toEqual([0, true])
    }),
  )

  test(
    'opens no connection for those who still wait',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const used = await pool.connect()
      const waiting = pool.connect()
      const ended = pool.end()
      used.release()
      await ended
      // Of them pg-pool forgets: see that nobody gets a client of a pool that has ended.
      expect(await isSettled(waiting)).toBe(false)
      expect(pool.totalCount).toBe(0)
    }),
  )

  test(
    'may be called once, and nothing works after it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app })
      await pool.query('select 1')
      await pool.end()
      const used = 'Cannot use a pool after calling end on the pool'
      await expect(pool.end()).rejects.toThrow('Called end on pool more than once')
      await expect(pool.connect()).rejects.toThrow(used)
      await expect(pool.query('select 1')).rejects.toThrow(used)
      const errors = await Promise.all([
        new Promise<Error | undefined>((resolve) => pool.connect((error) => resolve(error))),
        new Promise<Error | undefined>((resolve) => pool.query('select 1', (error) => resolve(error))),
        new Promise<Error | undefined>((resolve) => pool.end(resolve as () => void)),
      ])
      expect(errors.map((error) => error?.message)).toEqual([used, used, 'Called end on pool more than once'])
    }),
  )

  test(
    'refuses a second call while the first one waits',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app })
      const client = await pool.connect()
      const ended = pool.end()
      await expect(pool.end()).rejects.toThrow('Called end on pool more than once')
      client.release()
      await ended
    }),
  )
})

describe('TenantPool.end()', () => {
  test('ends the system pool too, waiting for its clients', async () => {
    const application = `ending ${Math.random()}`
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
      application_name: application,
    })
    const held = await tenancy.asSystem('a test', () => pool.connect())
    await tenancy.run(tenantId(1), () => pool.query('select 1'))
    const roles = async () =>
      (
        await database.query(
          'select usename::text from pg_stat_activity where datname = current_database() and application_name = $1 order by 1',
          [application],
        )
      ).map(({ usename }) => usename)
    expect(await roles()).toEqual(['tenantry_app', 'tenantry_system'])
    const ended = pool.end()
    expect(await isSettled(ended)).toBe(false)
    expect((await held.query('select current_user as role')).rows).toEqual([{ role: 'tenantry_system' }])
    held.release()
    await ended
    while ((await roles()).length > 0);
    await expect(tenancy.asSystem('a test', () => pool.query('select 1'))).rejects.toThrow(
      'Cannot use a pool after calling end on the pool',
    )
  })

  test('needs no scope, and neither do the counts', async () => {
    const pool = openPool({ connectionString: database.urls.app })
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([0, 0, 0])
    await pool.end()
  })

  test('tells the callback of a second call the error, and only it', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
    })
    await pool.end()
    const calls: unknown[][] = []
    pool.end(((...values: unknown[]) => calls.push(values)) as () => void)
    await nextTurn()
    expect(calls).toEqual([[expect.objectContaining({ message: 'Called end on pool more than once' })]])
  })
})
