import type { EventEmitter } from 'node:events'
import pg from 'pg'
import Cursor from 'pg-cursor'
import OldCursor from 'pg-cursor-2.10'
import QueryStream from 'pg-query-stream'
import { describe, expect, test, vi } from 'vitest'
import { asTenant, currentTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf, killBackends } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { happens } from '../support/happens.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Resolves with the tenant that something's event is heard for. */
function heardFor(emitter: Pick<EventEmitter, 'once'>, event: string): Promise<number | undefined> {
  return new Promise((resolve) => emitter.once(event, () => resolve(currentTenant())))
}

/** Resolves with the tenant that a callback is called for. */
function calledFor(take: (callback: () => void) => unknown): Promise<number | undefined> {
  return new Promise((resolve) => take(() => resolve(currentTenant())))
}

const NOTICE = `do $$ begin raise notice 'heard'; end $$`

/** Where a caller's own code is called back, by a client that tenant 9 has opened. */
const places: Record<string, (client: pg.PoolClient) => Promise<number | undefined>> = {
  'the callback of client.query(text)': (client) =>
    calledFor((callback) => client.query('select 1', callback)),
  'the callback of client.query(text, values)': (client) =>
    calledFor((callback) => client.query('select $1::int', [1], callback)),
  'the callback of client.query(config)': (client) =>
    calledFor((callback) => client.query({ text: 'select 1', rowMode: 'array' }, callback)),
  'the callback in a config': (client) =>
    calledFor((callback) => client.query({ text: 'select 1', callback } as never)),
  'the callback of a statement that fails': (client) =>
    calledFor((callback) => client.query('select 1 / 0', callback)),
  'the callback of a pg.Query': (client) =>
    calledFor((callback) => client.query(new pg.Query('select 1', callback))),
  'the callback given with a pg.Query': (client) =>
    calledFor((callback) =>
      (client.query as (...values: unknown[]) => unknown)(new pg.Query('select 1'), callback),
    ),
  'the event "row" of a pg.Query': (client) => heardFor(client.query(new pg.Query('select 1')), 'row'),
  'the event "end" of a pg.Query': (client) => heardFor(client.query(new pg.Query('select 1')), 'end'),
  'the event "error" of a pg.Query': (client) =>
    heardFor(client.query(new pg.Query('select 1 / 0')), 'error'),
  'the callback of cursor.read': (client) =>
    calledFor((callback) => client.query(new Cursor('select 1')).read(10, callback)),
  'the callback of a second cursor.read': async (client) => {
    const cursor = client.query(new Cursor('select generate_series(1, 5)'))
    await cursor.read(2)
    const seen = await calledFor((callback) => cursor.read(2, callback))
    await cursor.close()
    return seen
  },
  'the callback of cursor.read in pg-cursor 2.10': (client) =>
    calledFor((callback) => client.query(new OldCursor('select 1')).read(10, callback)),
  'the callback of cursor.close': async (client) => {
    const cursor = client.query(new Cursor('select generate_series(1, 5)'))
    await cursor.read(2)
    return calledFor((callback) => cursor.close(callback))
  },
  'the event "row" of a cursor': async (client) => {
    const cursor = client.query(new Cursor('select 1'))
    const seen = heardFor(cursor, 'row')
    await cursor.read(10)
    return seen
  },
  'the event "end" of a cursor': async (client) => {
    const cursor = client.query(new Cursor('select 1'))
    const seen = heardFor(cursor, 'end')
    await cursor.read(10)
    return seen
  },
  'the event "data" of a query stream': async (client) => {
    const stream = client.query(new QueryStream('select 1'))
    const end = happens(stream, 'end')
    const seen = await heardFor(stream, 'data')
    await end
    return seen
  },
  'the event "end" of a query stream': (client) => {
    const stream = client.query(new QueryStream('select 1'))
    stream.resume()
    return heardFor(stream, 'end')
  },
  'the event "error" of a query stream': (client) => {
    const stream = client.query(new QueryStream('select 1 / 0'))
    stream.resume()
    return heardFor(stream, 'error')
  },
  'a listener of "notice"': async (client) => {
    const seen = heardFor(client, 'notice')
    await client.query(NOTICE)
    return seen
  },
  'a listener of "notice" added by addListener': async (client) => {
    const seen = new Promise<number | undefined>((resolve) => {
      client.addListener('notice', () => resolve(currentTenant()))
    })
    await client.query(NOTICE)
    return seen
  },
  'a listener of "notification"': async (client) => {
    const seen = heardFor(client, 'notification')
    for (const text of ['listen here', 'notify here', 'unlisten here']) await client.query(text)
    return seen
  },
  'a listener of "drain"': async (client) => {
    const seen = heardFor(client, 'drain')
    await client.query('select 1')
    return seen
  },
}

describe('What is called back on a connection that another tenant opened', () => {
  test('runs, in a naive pool, in the scope of whoever opened it, and so do its own statements', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await asTenant(9, () => pool.query('select 1'))
    const { result } = await asTenant(1, () =>
      callsBack<pg.QueryResult>((callback) => pool.query('select 1', () => pool.query(WHOSE_ROWS, callback))),
    )
    expect(tenantsIn(result)).toEqual([9])
  })

  test.each(Object.entries(places).map(([name, place]) => ({ name, place })))(
    'runs in the scope of its caller: $name',
    async ({ place }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await asTenant(9, () => pool.query('select 1'))
      await asTenant(1, async () => {
        const client = await pool.connect()
        expect(await place(client)).toBe(1)
        client.release()
      })
      await asTenant(2, () => expectWhole(pool))
    },
  )

  test('runs in the scope of its caller: the callbacks of pool.query and pool.connect', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(9, () => pool.query('select 1'))
    const seen = await asTenant(1, async () => [
      await calledFor((callback) => pool.query('select 1', callback)),
      await calledFor((callback) => pool.query('select $1::int', [1], callback)),
      await calledFor((callback) => pool.query({ text: 'select 1 / 0' }, callback)),
      await calledFor((callback) =>
        pool.connect((_error, _client, release) => {
          release()
          callback()
        }),
      ),
    ])
    expect(seen).toEqual([1, 1, 1, 1])
    // And what they send is therefore theirs.
    const { result } = await asTenant(1, () =>
      callsBack<pg.QueryResult>((callback) => pool.query('select 1', () => pool.query(WHOSE_ROWS, callback))),
    )
    expect(tenantsIn(result)).toEqual([1])
  })

  test('runs in the scope of each of its callers, where several share one emitter', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    const heard: (number | undefined)[] = []
    const listener = (): number => heard.push(currentTenant())
    tenancy.run(tenantId(1), () => client.on('notice', listener))
    tenancy.run(tenantId(2), () => client.on('notice', listener))
    await asTenant(1, () => client.query(NOTICE))
    expect(heard).toEqual([1, 2])
    client.off('notice', listener)
    await asTenant(1, () => client.query(NOTICE))
    expect(heard).toEqual([1, 2, 1])
    client.release()
  })
})

describe('The events of the pool', () => {
  test('run, in a plain pool of pg, in the scope of whoever made them happen', async () => {
    const pool = endAfterTest(new pg.Pool({ connectionString: database.urls.app, max: 1 }))
    const heard: (number | undefined)[] = []
    pool.on('connect', () => heard.push(currentTenant()))
    await asTenant(7, () => pool.query('select 1'))
    expect(heard).toEqual([7])
  })

  const events = ['connect', 'acquire', 'release', 'remove', 'error'] as const

  test('run in no scope', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const heard = new Map<string, unknown>()
    for (const event of events)
      pool.on(event as 'connect', () => heard.set(event, currentTenant() ?? 'nobody'))
    const removed = happens(pool, 'remove')
    const backend = await asTenant(7, async () => {
      const client = await pool.connect()
      const number = await backendOf(client)
      client.release()
      return number
    })
    await killBackends(database, backend)
    await removed
    expect(Object.fromEntries(heard)).toEqual(Object.fromEntries(events.map((event) => [event, 'nobody'])))
  })

  test('run in no scope where the package was loaded by a request', async () => {
    vi.resetModules()
    const loaded = await asTenant(7, () => import('../../../src/pg/index.ts'))
    const pool = endAfterTest(new loaded.TenantPool({ tenancy, connectionString: database.urls.app, max: 1 }))
    const heard: unknown[] = []
    for (const event of ['connect', 'acquire', 'release'] as const) {
      pool.on(event, () => heard.push(currentTenant() ?? 'nobody'))
    }
    let fromTheSocket: unknown
    pool.on('connect', (client) => {
      // On the connection itself, not on a facade: a statement of nobody, in the context of the socket.
      client.on('notice', () => {
        fromTheSocket = currentTenant() ?? 'nobody'
      })
    })
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    await asTenant(2, () => pool.query(NOTICE))
    expect(heard).toEqual(['connect', 'acquire', 'release', 'acquire', 'release'].map(() => 'nobody'))
    expect(fromTheSocket).toBe('nobody')
  })

  test('cannot lend their scope: a statement sent from a listener has none', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 2 })
    let sent: Promise<string | undefined> | undefined
    pool.on('release', () => {
      sent ??= codeOf(pool.query(WHOSE_ROWS))
    })
    await asTenant(7, () => pool.query('select 1'))
    expect(await sent).toBe('TENANT_REQUIRED')
  })
})

describe('The listeners of a checkout', () => {
  const LISTEN = 'listen news'
  const notify = (payload: string): string => `notify news, '${payload}'`

  test("in a plain pool of pg hear the next tenants' notices and notifications", async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const heard: string[] = []
    await asTenant(1, async () => {
      const client = await pool.connect()
      client.on('notice', ({ message }) => heard.push(String(message)))
      client.on('notification', ({ payload }) => heard.push(String(payload)))
      await client.query(LISTEN)
      client.release()
    })
    await asTenant(2, async () => {
      const client = await pool.connect()
      await client.query(NOTICE)
      await client.query(notify('of tenant 2'))
      await client.query('select 1')
      client.release()
    })
    expect(heard).toEqual(['heard', 'of tenant 2'])
  })

  test('hear nothing after its release', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const heard: string[] = []
    await asTenant(1, async () => {
      const client = await pool.connect()
      const emitter = client as EventEmitter
      for (const method of ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const) {
        emitter[method]('notice', () => heard.push(`notice by ${method}`))
        emitter[method]('notification', () => heard.push(`notification by ${method}`))
      }
      await client.query(LISTEN)
      client.release()
    })
    await asTenant(2, async () => {
      const client = await pool.connect()
      expect(client.listenerCount('notice')).toBe(0)
      await client.query(NOTICE)
      await client.query(notify('of tenant 2'))
      await client.query('select 1')
      client.release()
    })
    expect(heard).toEqual([])
  })

  test('hear nothing of what is still queued at its release', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const heard: string[] = []
    const client = await asTenant(1, () => pool.connect())
    client.on('notice', ({ message }) => heard.push(String(message)))
    const queued = asTenant(1, () => client.query(NOTICE))
    client.release()
    await queued
    expect(heard).toEqual([])
  })

  test('can be taken off by the function they were added with', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const heard: string[] = []
    await asTenant(1, async () => {
      const client = await pool.connect()
      const [first, second] = [(): number => heard.push('first'), (): number => heard.push('second')]
      client.on('notice', first).on('notice', second)
      client.off('notice', first)
      client.removeListener('notice', () => {})
      await client.query(NOTICE)
      expect(heard).toEqual(['second'])
      client.removeAllListeners('notice')
      await client.query(NOTICE)
      expect(heard).toEqual(['second'])
      client.release()
    })
  })

  test("are all that removeAllListeners takes off: the pool's own stay, and a kill crashes nothing", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      const before = ['error', 'end'].map((event) => client.listenerCount(event))
      client.on('error', () => {})
      client.removeAllListeners()
      client.removeAllListeners('error')
      expect(['error', 'end'].map((event) => client.listenerCount(event))).toEqual(before)
      const ended = happens(pool, 'remove')
      await killBackends(database, await backendOf(client))
      await codeOf(client.query('select 1'))
      client.release()
      await ended
    })
    await asTenant(2, () => expectWhole(pool))
  })
})
