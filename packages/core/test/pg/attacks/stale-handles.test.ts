import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const INSERT = "insert into projects (name) values ('stale')"

async function staleProjects(): Promise<string[]> {
  const rows = await database.query<{ tenant_id: string }>(
    "select tenant_id from projects where name = 'stale'",
  )
  await database.query("delete from projects where name = 'stale'")
  return rows.map(({ tenant_id }) => tenant_id)
}

/** A handle that tenant 1 has released, and the same connection as tenant 2 holds it now. */
async function staleHandle(pool: pg.Pool): Promise<{ stale: pg.PoolClient; held: pg.PoolClient }> {
  const stale = await asTenant(1, () => pool.connect())
  const backend = await asTenant(1, () => backendOf(stale))
  stale.release()
  const held = await asTenant(2, () => pool.connect())
  expect(await asTenant(2, () => backendOf(held))).toBe(backend)
  return { stale, held }
}

describe('A client kept after its release', () => {
  test('acts, in a naive pool, for whoever holds the connection now', async () => {
    const { stale, held } = await staleHandle(openNaivePool({ connectionString: database.urls.app, max: 1 }))
    expect(tenantsIn(await stale.query(WHOSE_ROWS))).toEqual([2])
    await stale.query(INSERT)
    expect(await staleProjects()).toEqual([tenantId(2)])
    held.release()
  })

  const scopes: [string, (fn: () => unknown) => unknown][] = [
    ['no scope', (fn) => fn()],
    ["its own tenant's scope", (fn) => tenancy.run(tenantId(1), fn)],
    ["the holder's scope", (fn) => tenancy.run(tenantId(2), fn)],
    ['withoutTenant', (fn) => tenancy.withoutTenant(fn)],
    ['asSystem', (fn) => tenancy.asSystem('a test', fn)],
  ]

  test.each(scopes)('is dead in %s: for promises, callbacks and query objects', async (_name, within) => {
    const { stale, held } = await staleHandle(openPool({ connectionString: database.urls.app, max: 1 }))
    await within(async () => {
      expect(await codeOf(stale.query(INSERT))).toBe('CLIENT_RELEASED')
      expect(await codeOf(stale.query({ text: INSERT, values: [] }))).toBe('CLIENT_RELEASED')
      expect(await codeOf(stale.query('rollback'))).toBe('CLIENT_RELEASED')
      const answers = [
        await callsBack((callback) => stale.query(INSERT, callback)),
        await callsBack((callback) => stale.query(INSERT, [], callback)),
        await callsBack((callback) => stale.query(new pg.Query(INSERT, callback as never))),
        await callsBack((callback) => stale.query(new pg.Query(INSERT)).on('error', callback)),
      ]
      expect(answers.map(({ error }) => error?.code)).toEqual(answers.map(() => 'CLIENT_RELEASED'))
    })
    expect(await staleProjects()).toEqual([])
    expect(tenantsIn(await asTenant(2, () => held.query(WHOSE_ROWS)))).toEqual([2])
    held.release()
  })

  test('is dead with the query function that was taken off it while it lived', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const stale = await asTenant(1, () => pool.connect())
    const { query, release } = stale
    stale.release()
    const held = await asTenant(2, () => pool.connect())
    expect(await codeOf(query(INSERT))).toBe('CLIENT_RELEASED')
    expect(() => release()).toThrow('already been released')
    expect(await staleProjects()).toEqual([])
    held.release()
  })

  test('cannot end the connection of whoever holds it now', async () => {
    const { stale, held } = await staleHandle(openPool({ connectionString: database.urls.app, max: 1 }))
    expect(() => stale.end()).toThrow('has been released')
    expect(() => void stale.connect()).toThrow('has been released')
    expect(tenantsIn(await asTenant(2, () => held.query(WHOSE_ROWS)))).toEqual([2])
    held.release()
  })

  test('cannot listen to what whoever holds the connection now hears', async () => {
    const { stale, held } = await staleHandle(openPool({ connectionString: database.urls.app, max: 1 }))
    const heard: string[] = []
    stale.on('notice', ({ message }) => heard.push(String(message)))
    stale.once('notification', ({ payload }) => heard.push(String(payload)))
    await asTenant(2, async () => {
      await held.query("do $$ begin raise notice 'of tenant 2'; end $$")
      await held.query('listen stale')
      await held.query("notify stale, 'of tenant 2'")
      await held.query('unlisten stale')
    })
    expect(heard).toEqual([])
    held.release()
  })
})

describe('A second release', () => {
  test("in a plain pool of pg's frees the next holder's connection, without a word", async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const { stale, held } = await staleHandle(pool)
    stale.release()
    expect(pool.idleCount).toBe(1)
    const third = await asTenant(3, () => pool.connect())
    // Two callers hold one connection: what tenant 2 sends on its own client runs for tenant 3.
    expect(tenantsIn(await asTenant(2, () => held.query(WHOSE_ROWS)))).toEqual([3])
    third.release()
  })

  test("throws each time, and frees nobody else's connection", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { stale, held } = await staleHandle(pool)
    for (const reason of [undefined, true, new Error('mine')]) {
      expect(() => stale.release(reason)).toThrow(expect.objectContaining({ code: 'CLIENT_RELEASED' }))
    }
    expect([pool.idleCount, pool.totalCount]).toEqual([0, 1])
    const third = asTenant(3, async () => tenantsIn(await pool.query(WHOSE_ROWS)))
    expect(tenantsIn(await asTenant(2, () => held.query(WHOSE_ROWS)))).toEqual([2])
    expect(pool.waitingCount).toBe(1)
    held.release()
    expect(await third).toEqual([3])
  })

  test('through the callback form of connect throws as well', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { client, release } = await asTenant(
      1,
      () =>
        new Promise<{ client: pg.PoolClient; release: () => void }>((resolve, reject) => {
          pool.connect((error, connected, done) => {
            if (connected === undefined) reject(error)
            else resolve({ client: connected, release: done })
          })
        }),
    )
    release()
    const held = await asTenant(2, () => pool.connect())
    expect(() => client.release()).toThrow('already been released')
    expect(() => release()).toThrow('already been released')
    expect(pool.idleCount).toBe(0)
    held.release()
  })
})

describe('What is set on a checked-out client', () => {
  test('stays on a plain client of pg, for everybody who gets the connection', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const first = await asTenant(1, () => pool.connect())
    Object.defineProperty(first, 'query', { value: () => 'of tenant 1', configurable: true })
    first.release()
    const second = await asTenant(2, () => pool.connect())
    expect(second.query('select 1')).toBe('of tenant 1')
    second.release()
  })

  test('goes with the checkout, however it was set', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const ways: ((client: pg.PoolClient) => void)[] = [
      (client) => Object.assign(client, { query: () => 'mine' }),
      (client) => Object.defineProperty(client, 'query', { value: () => 'mine', configurable: true }),
      (client) => Object.defineProperty(client, 'release', { value: () => 'mine', configurable: true }),
      (client) => Object.assign(client, { release: () => 'mine', on: () => 'mine' }),
      (client) => Object.setPrototypeOf(client, { query: () => 'mine' }),
      (client) => Object.assign(client, { note: 'mine' }),
    ]
    for (const change of ways) {
      const first = await asTenant(1, () => pool.connect())
      const { query, release } = first
      change(first)
      await asTenant(1, () => query('select 1'))
      release()
      await asTenant(2, async () => {
        const second = await pool.connect()
        expect('note' in second).toBe(false)
        expect(tenantsIn(await second.query(WHOSE_ROWS))).toEqual([2])
        second.release()
      })
    }
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('can be taken off again, and its own functions are back', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    const { query } = client
    const changeable = client as Partial<pg.PoolClient> & pg.PoolClient
    changeable.query = (() => 'mine') as never
    expect(client.query('select 1')).toBe('mine')
    delete (changeable as { query?: unknown }).query
    expect(client.query).toBe(query)
    expect(tenantsIn(await asTenant(1, () => client.query(WHOSE_ROWS)))).toEqual([1])
    client.release()
  })

  test('may wrap what was there, as instrumentation does', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: unknown[] = []
    await asTenant(1, async () => {
      const client = await pool.connect()
      const query = client.query.bind(client) as (...values: unknown[]) => Promise<pg.QueryResult>
      client.query = ((...values: unknown[]) => {
        seen.push(values[0])
        return query(...values)
      }) as never
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      client.release()
    })
    await asTenant(2, async () => {
      const client = await pool.connect()
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([2])
      client.release()
    })
    expect(seen).toEqual([WHOSE_ROWS])
  })
})
