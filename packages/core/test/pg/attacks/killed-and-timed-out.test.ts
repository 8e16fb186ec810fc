import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf, killBackends } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { takeLock, WAIT_FOR_LOCK } from '../support/lock.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { runProgram } from '../support/run-program.ts'
import { tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const TIMED_OUT = 'Error: Query read timeout'

/** Node's own longest wait for anything here: what would wait for the statement waits for good. */
const timed = (text: string): pg.QueryConfig => ({ text, query_timeout: 100 }) as pg.QueryConfig

describe('The query_timeout of one statement', () => {
  test('is lost where a naive pool makes a pg.Query of the config', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const config = { text: 'select pg_sleep(0.4)', query_timeout: 20 }
    expect(await codeOf(asTenant(1, () => pool.query(config)))).toBeUndefined()
  })

  test('holds on pool and client, for promises and callbacks', async () => {
    const lock = await takeLock(database)
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      expect(await codeOf(pool.query(timed(WAIT_FOR_LOCK)))).toBe(TIMED_OUT)
      const { error } = await callsBack((callback) => pool.query(timed(WAIT_FOR_LOCK), callback))
      expect(error?.message).toBe('Query read timeout')
      const client = await pool.connect()
      expect(await codeOf(client.query(timed(WAIT_FOR_LOCK)))).toBe(TIMED_OUT)
      client.release()
      await expectWhole(pool)
    })
    await lock.open()
  })
})

describe('A checkout whose statement has timed out', () => {
  test('hands, in a naive pool, its wait to the next tenant', async () => {
    const lock = await takeLock(database)
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1, query_timeout: 100 })
    const client = await asTenant(1, () => pool.connect())
    expect(await codeOf(asTenant(1, () => client.query(WAIT_FOR_LOCK)))).toBe(TIMED_OUT)
    client.release()
    const next = await asTenant(2, () => pool.connect())
    expect(await codeOf(asTenant(2, () => next.query(WHOSE_ROWS)))).toBe(TIMED_OUT)
    next.release(true)
    await lock.open()
  })

  const forms: Record<
    string,
    (client: pg.PoolClient, timeout: number | undefined) => Promise<string | undefined>
  > = {
    text: (client) => codeOf(client.query(WAIT_FOR_LOCK)),
    config: (client, timeout) =>
      codeOf(client.query({ text: WAIT_FOR_LOCK, query_timeout: timeout } as pg.QueryConfig)),
    callback: async (client) => {
      const { error } = await callsBack((callback) => client.query(WAIT_FOR_LOCK, callback))
      return String(error)
    },
    'pg.Query with a callback': async (client, timeout) => {
      const { error } = await callsBack((callback) =>
        client.query(
          Object.assign(
            new pg.Query(WAIT_FOR_LOCK, callback as never),
            timeout && { query_timeout: timeout },
          ),
        ),
      )
      return String(error)
    },
    'pg.Query with a listener': async (client, timeout) => {
      const { error } = await callsBack((callback) => {
        const query = new pg.Query(WAIT_FOR_LOCK)
        query.on('error', callback)
        client.query(Object.assign(query, timeout && { query_timeout: timeout }))
      })
      return String(error)
    },
    'in a transaction': async (client) => {
      await client.query('begin')
      return codeOf(client.query(WAIT_FOR_LOCK))
    },
    'with a queue behind it': async (client) => {
      const [first, ...rest] = [WAIT_FOR_LOCK, 'select 1', 'select 2'].map((text) =>
        codeOf(client.query(text)),
      )
      const code = await first
      await Promise.all(rest)
      return code
    },
  }

  // The statement runs on for as long as the lock is held, and that is until the next tenant has been served.
  test.each(Object.entries(forms).map(([form, send]) => ({ form, send })))(
    'does not make the next tenant wait for it: $form, released after it and inside of its callback',
    async ({ send }) => {
      for (const options of [{ query_timeout: 100 }]) {
        const lock = await takeLock(database)
        const pool = openPool({ connectionString: database.urls.app, max: 1, ...options })
        await asTenant(1, async () => {
          const client = await pool.connect()
          expect(await send(client, undefined)).toBe(TIMED_OUT)
          client.release()
        })
        expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
        await asTenant(3, () => expectWhole(pool))
        await lock.open()
      }
    },
  )

  test.each(['config', 'pg.Query with a callback', 'pg.Query with a listener'])(
    'does not make the next tenant wait for it where the timeout is its own: %s',
    async (form) => {
      const lock = await takeLock(database)
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await asTenant(1, async () => {
        const client = await pool.connect()
        expect(await forms[form]?.(client, 100)).toBe(TIMED_OUT)
        client.release()
      })
      expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
      await lock.open()
    },
  )

  test.each([
    [
      'text',
      (client: pg.PoolClient, callback: (error: unknown) => void) => client.query(WAIT_FOR_LOCK, callback),
    ],
    [
      'config',
      (client: pg.PoolClient, callback: (error: unknown) => void) =>
        client.query({ text: WAIT_FOR_LOCK, rowMode: 'array' }, callback),
    ],
    [
      'pg.Query',
      (client: pg.PoolClient, callback: (error: unknown) => void) =>
        client.query(new pg.Query(WAIT_FOR_LOCK, callback as never)),
    ],
  ])('may be released inside of the callback that says so: %s', async (_name, send) => {
    const lock = await takeLock(database)
    const pool = openPool({ connectionString: database.urls.app, max: 1, query_timeout: 100 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await new Promise<void>((resolve) => {
        send(client, (error) => {
          expect(String(error)).toBe(TIMED_OUT)
          client.release()
          resolve()
        })
      })
    })
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    await lock.open()
  })

  test('may go on with it, and gets its own answers', async () => {
    const lock = await takeLock(database)
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      expect(await codeOf(client.query(timed(WAIT_FOR_LOCK)))).toBe(TIMED_OUT)
      const next = client.query(WHOSE_ROWS)
      await lock.open()
      expect(tenantsIn(await next)).toEqual([1])
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })
})

describe('A backend killed while its client is checked out', () => {
  const run = (pool: string) =>
    runProgram('killed-while-held', {
      TENANT: tenantId(1),
      APP_URL: database.urls.app,
      ADMIN_URL: database.urls.superuser,
      POOL: pool,
    })

  test('ends a process with a plain pool of pg in which nobody listens', async () => {
    const { exitCode, output } = await run('pg.Pool')
    expect(output).not.toContain('survived')
    expect(exitCode).not.toBe(0)
  })

  test('does not end a process with a TenantPool', async () => {
    const { exitCode, output } = await run('TenantPool')
    expect(output).toContain('survived\n')
    expect(exitCode).toBe(0)
  })

  test.each([false, true])(
    'fails the statement in progress, and the next ones are right (prepare: %s)',
    async (prepare) => {
      const pool = openPool({ connectionString: database.urls.app, max: 2, prepare })
      for (const tenant of [1, 2, 3]) {
        const lock = await takeLock(database)
        await asTenant(tenant, async () => {
          const client = await pool.connect()
          const backend = await backendOf(client)
          const working = codeOf(client.query(WAIT_FOR_LOCK))
          await lock.waitedFor()
          await killBackends(database, backend)
          expect(await working).toBe('57P01')
          client.release()
        })
        await lock.open()
        for (const next of [tenant + 1, tenant + 2]) {
          expect(tenantsIn(await asTenant(next, () => pool.query(WHOSE_ROWS)))).toEqual([next])
        }
      }
      await asTenant(1, () => expectWhole(pool))
    },
  )

  test('fails pool.query, and the next one is right', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const lock = await takeLock(database)
    const backend = await asTenant(1, async () => {
      const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
      return rows[0]?.pid ?? 0
    })
    const working = codeOf(asTenant(1, () => pool.query(WAIT_FOR_LOCK)))
    await lock.waitedFor()
    await killBackends(database, backend)
    expect(await working).toBe('57P01')
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    await asTenant(3, () => expectWhole(pool))
  })
})

describe('A statement that the server cancels', () => {
  test.each([false, true])('leaves the connection right for the next ones (prepare: %s)', async (prepare) => {
    const lock = await takeLock(database)
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare, statement_timeout: 50 })
    for (let tenant = 1; tenant <= 5; tenant += 1) {
      await asTenant(tenant, async () => {
        const client = await pool.connect()
        const queued = [codeOf(client.query(WAIT_FOR_LOCK)), client.query(WHOSE_ROWS)] as const
        expect(await queued[0]).toBe('57014')
        expect(tenantsIn(await queued[1])).toEqual([tenant])
        client.release()
      })
    }
    expect(pool.totalCount).toBe(1)
    await asTenant(6, () => expectWhole(pool))
    await lock.open()
  })
})
