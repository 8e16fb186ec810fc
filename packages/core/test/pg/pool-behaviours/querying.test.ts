import { once } from 'node:events'
import Cursor from 'pg-cursor'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { expectWhole } from '../support/expect-whole.ts'
import { pgIsAtLeast } from '../support/pg-version.ts'
import { openPool } from '../support/open-pool.ts'
import { poolKinds } from '../support/pool-kinds.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** What callers get from a query besides its rows. */
function outline({ command, rowCount, rows, fields }: pg.QueryResult): object {
  return { command, rowCount, rows, fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]) }
}

/** The result of a query with a callback; fails if it is called back twice or synchronously. */
function byCallback(
  start: (callback: (error: Error | null | undefined, result: pg.QueryResult) => void) => unknown,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    let returned = false
    let calls = 0
    const value = start((error, result) => {
      calls += 1
      if (!returned || calls > 1) reject(new Error('called back synchronously or twice'))
      else if (error) setImmediate(() => reject(error))
      else setImmediate(() => resolve(result))
    })
    returned = true
    if (value !== undefined) reject(new Error('a query with a callback returned something'))
  })
}

describe.each(poolKinds)('query() of $kind', ({ kind, open, inScope }) => {
  const isPlainBefore17 = kind === 'pg.Pool' && !pgIsAtLeast(17)
  const expected = { command: 'SELECT', rowCount: 1, rows: [{ one: 1 }], fields: [['one', 23]] }

  test(
    'takes a text or a config, with and without values, for a promise or a callback',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const text = 'select 1 as one'
      const withValue = 'select $1::int as one'
      const results = await Promise.all([
        pool.query(text),
        pool.query(withValue, [1]),
        pool.query({ text }),
        pool.query({ text: withValue, values: [1] }),
        pool.query({ text: withValue }, [1]),
        pool.query({ name: 'one', text: withValue, values: [1] }),
        pool.query({ name: 'one', text: withValue }, [1]),
        pool.query(text, []),
        pool.query(text, undefined),
        byCallback((callback) => pool.query(text, callback)),
        byCallback((callback) => pool.query(withValue, [1], callback)),
        byCallback((callback) => pool.query({ text }, callback)),
        byCallback((callback) => pool.query({ text: withValue, values: [1] }, callback)),
        byCallback((callback) => (pool.query as Function)({ text: withValue }, [1], callback)),
        byCallback((callback) => (pool.query as Function)(text, undefined, callback)),
      ])
      for (const result of results) expect(outline(result)).toEqual(expected)
      await expectWhole(pool)
    }),
  )

  test(
    'gives rows as arrays, and through types of the query',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const arrays = await pool.query({ text: 'select 1, 2, 3 as b, 4 as b', rowMode: 'array' })
      expect(arrays.rows).toEqual([[1, 2, 3, 4]])
      const typed = await pool.query({
        text: 'select 1 as one',
        types: { getTypeParser: () => (text: string) => `parsed ${text}` },
      })
      expect(typed.rows).toEqual([{ one: 'parsed 1' }])
    }),
  )

  test(
    'takes the options of a client: binary results, parsers, timeouts, a name',
    inScope(async () => {
      const types = { getTypeParser: () => (text: string | Buffer) => `parsed ${String(text)}` }
      const text = "select 1::int4 as a, 2::int8 as b, 1.5::float8 as c, true as d, null as e, 'x'::text as f"
      const binary = open({ connectionString: database.urls.app, max: 1, binary: true } as pg.PoolConfig)
      for (let use = 0; use < 3; use += 1) {
        expect((await binary.query(text)).rows).toEqual([{ a: 1, b: '2', c: 1.5, d: true, e: null, f: 'x' }])
      }
      const parsing = open({ connectionString: database.urls.app, max: 1, types })
      expect((await parsing.query('select 1 as a')).rows).toEqual([{ a: 'parsed 1' }])
      const named = open({
        connectionString: database.urls.app,
        max: 1,
        application_name: 'named',
        statement_timeout: 1234,
        lock_timeout: 2345,
        idle_in_transaction_session_timeout: 3456,
      })
      const settings = [
        'application_name',
        'statement_timeout',
        'lock_timeout',
        'idle_in_transaction_session_timeout',
      ]
      const { rows } = await named.query(
        'select array(select current_setting(name) from unnest($1::text[]) as name) as settings',
        [settings],
      )
      expect(rows).toEqual([{ settings: ['named', '1234ms', '2345ms', '3456ms'] }])
    }),
  )

  test(
    'passes on errors of the database as they are, and serves the next one',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      for (let round = 0; round < 10; round += 1) {
        await expect(pool.query('select 1 / 0')).rejects.toMatchObject({ code: '22012', name: 'error' })
        await expect(pool.query('not sql')).rejects.toMatchObject({ code: '42601', position: '1' })
        await expect(pool.query('select $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
      }
      await expect(byCallback((callback) => pool.query('not sql', callback))).rejects.toMatchObject({
        code: '42601',
      })
      await expect(pool.query('select 1')).resolves.toMatchObject({ rowCount: 1 })
      await expectWhole(pool)
    }),
  )

  test.each([null, undefined])('refuses %s as a query, and loses no connection by it', (query) =>
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      await expect(pool.query(query as unknown as string)).rejects.toThrow(
        new TypeError('Client was passed a null or undefined query'),
      )
      await expect(
        byCallback((callback) => pool.query(query as unknown as string, callback)),
      ).rejects.toBeInstanceOf(TypeError)
      await expectWhole(pool)
    })(),
  )

  test.skipIf(isPlainBefore17)(
    'refuses values that cannot be sent, and loses no connection by them (plain pg 8.16 breaks the connection)',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const unsendable = {
        toPostgres() {
          throw new Error('unsendable')
        },
      }
      await expect(pool.query('select $1', [unsendable])).rejects.toThrow('unsendable')
      await expect(pool.query('select $1', 'text' as unknown as [])).rejects.toThrow(
        'Query values must be an array',
      )
      await expect(pool.query('select $1', ['a', 'b'])).rejects.toMatchObject({ code: '08P01' })
      await expectWhole(pool)
    }),
  )

  test(
    'refuses a function as its first argument, by calling it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const refuse = byCallback((callback) => pool.query(callback as unknown as string))
      await expect(refuse).rejects.toThrow('Passing a function as the first parameter to pool.query')
    }),
  )

  test(
    'takes the same config again and again, also at once',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 2 })
      const config = { text: 'select $1::int as one' }
      const frozen = Object.freeze({ text: 'select 1 as one' })
      for (let round = 0; round < 3; round += 1) {
        const results = await Promise.all([
          pool.query(config, [1]),
          pool.query(config, [1]),
          byCallback((callback) => (pool.query as Function)(config, [1], callback)),
        ])
        for (const result of results) expect(outline(result)).toEqual(expected)
        expect(outline(await pool.query({ ...frozen }))).toEqual(expected)
      }
      await expectWhole(pool)
    }),
  )

  test.skipIf(isPlainBefore17)(
    'runs a pg.Query, and gives its result to whoever waits for it (plain pg 8.16 never answers)',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const query = new pg.Query('select 1 as one') as unknown as pg.Submittable
      const result = await (pool.query(query) as unknown as Promise<pg.QueryResult>)
      expect(outline(result)).toEqual(expected)
      await expectWhole(pool)
    }),
  )

  test.skipIf(isPlainBefore17)(
    'tells the callback of a pg.Query, and its listeners (plain pg 8.16 never answers)',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const query = new pg.Query('select n from generate_series(1, 3) as n') as unknown as pg.Submittable &
        NodeJS.EventEmitter
      const rows: unknown[] = []
      query.on('row', (row) => rows.push(row))
      await byCallback((callback) => (pool.query as Function)(query, callback) && undefined)
      expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
      await expectWhole(pool)
    }),
  )

  test(
    'gives promises of the option Promise',
    inScope(async () => {
      class OtherPromise<T> extends Promise<T> {}
      const pool = open({ connectionString: database.urls.app, max: 1, Promise: OtherPromise })
      const connecting = pool.connect()
      expect(connecting).toBeInstanceOf(OtherPromise)
      ;(await connecting).release()
      const querying = pool.query('select 1 as one')
      expect(querying).toBeInstanceOf(OtherPromise)
      expect((await querying).rows).toEqual([{ one: 1 }])
      const failing = pool.query('not sql')
      expect(failing).toBeInstanceOf(OtherPromise)
      await expect(failing).rejects.toMatchObject({ code: '42601' })
    }),
  )

  test(
    'leaves the options it was given as they were',
    inScope(async () => {
      const ssl = false
      const options = { connectionString: database.urls.app, max: 1, password: 'unused', ssl }
      const before = JSON.stringify(options)
      const pool = open(options)
      await pool.query('select 1').catch(() => {})
      expect(JSON.stringify(options)).toBe(before)
      expect(JSON.stringify(pool.options)).not.toContain('unused')
    }),
  )

  test(
    'leaves a config it was given without a callback of its own',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      const config: pg.QueryConfig & { callback?: unknown } = { text: 'select $1::int as one' }
      expect(outline(await client.query(config, [1]))).toEqual(expected)
      expect(outline(await client.query(config, [1]))).toEqual(expected)
      expect(config.callback).toBeUndefined()
      client.release()
    }),
  )
})

describe('the stack of an error of TenantPool', () => {
  const [, tenantPool] = poolKinds
  const { open, inScope } = tenantPool as (typeof poolKinds)[number]

  async function applicationCode(work: () => Promise<unknown>): Promise<Error> {
    try {
      await work()
    } catch (error) {
      return error as Error
    }
    throw new Error('it did not fail')
  }

  test(
    'leads to who sent the statement, whether the database, the driver or Tenantry refused it',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      const errors = [
        await applicationCode(() => client.query('not sql')),
        await applicationCode(() => client.query('commit; select 1')),
      ]
      client.release()
      errors.push(
        await applicationCode(() => pool.query('not sql')),
        await applicationCode(() => pool.query('not sql', [])),
        await applicationCode(() => pool.query('commit')),
      )
      const { port, hostname } = new URL(database.urls.app)
      const unreachable = open({ host: hostname, port: Number(port), user: 'nobody', password: 'x' })
      errors.push(
        await applicationCode(() => unreachable.query('select 1')),
        await applicationCode(() => unreachable.connect()),
      )
      for (const error of errors) expect(error.stack).toContain('applicationCode')
    }),
  )
})

describe.each(poolKinds)('A cursor of $kind', ({ open, inScope }) => {
  test(
    'belongs on a client: there it reads and closes',
    inScope(async () => {
      const pool = open({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      const cursor = client.query(new Cursor<{ n: number }>('select n from generate_series(1, 5) as n'))
      expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }])
      await cursor.close()
      client.release()
      await expectWhole(pool)
    }),
  )
})

// With a plain pool the first of these ends the process, by an error event, and the second never ends.
describe('A cursor of TenantPool whose backend is killed', () => {
  const opened = async (): Promise<{ pool: pg.Pool; client: pg.PoolClient; cursor: Cursor }> => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await pool.connect()
    const cursor = client.query(new Cursor('select pg_backend_pid() as pid from generate_series(1, 5)'))
    const [row] = await cursor.read(1)
    const ended = once(client, 'error')
    await database.query('select pg_terminate_backend($1)', [row.pid])
    await ended
    return { pool, client, cursor }
  }

  test('rejects the next read, and its close() ends', () =>
    tenancy.run(tenantId(1), async () => {
      const { pool, client, cursor } = await opened()
      await expect(cursor.read(1)).rejects.toBeInstanceOf(Error)
      await cursor.close()
      client.release()
      await expectWhole(pool)
    }))

  test('ends a close() that was waiting for the server', () =>
    tenancy.run(tenantId(1), async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const client = await pool.connect()
      client.on('error', () => {})
      const { rows } = await client.query('select pg_backend_pid() as pid')
      const cursor = client.query(new Cursor('select pg_sleep(60)'))
      const read = cursor.read(1).catch((error: Error) => error)
      const closed = cursor.close()
      await database.query('select pg_terminate_backend($1)', [rows[0].pid])
      expect(await read).toBeInstanceOf(Error)
      await closed
      client.release()
      await expectWhole(pool)
    }))
})
