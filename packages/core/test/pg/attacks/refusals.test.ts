import type { EventEmitter } from 'node:events'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { stillWaits } from '../support/still-waits.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const INSERT = "insert into projects (name) values ('refused')"

type Queryable = Pick<pg.ClientBase, 'query'>

/** Every form in which a statement can be sent, and how its refusal reaches the caller. */
const forms: Record<string, (client: Queryable) => Promise<string | undefined>> = {
  text: (client) => codeOf(client.query(INSERT)),
  'text and values': (client) => codeOf(client.query(`${INSERT}, ($1)`, ['refused'])),
  config: (client) => codeOf(client.query({ text: INSERT })),
  'a named config': (client) => codeOf(client.query({ name: 'refused', text: INSERT })),
  'several statements': (client) => codeOf(client.query(`${INSERT}; ${INSERT}`)),
  callback: async (client) => (await callsBack((callback) => client.query(INSERT, callback))).error?.code,
  'values and callback': async (client) =>
    (await callsBack((callback) => client.query(`${INSERT}, ($1)`, ['refused'], callback))).error?.code,
  'a callback in the config': async (client) =>
    (
      await callsBack((callback) => {
        const answer: unknown = client.query({ text: INSERT, callback } as never)
        if (answer instanceof Promise) answer.catch(callback)
      })
    ).error?.code,
  'pg.Query with a callback': async (client) =>
    (await callsBack((callback) => quietly(client.query(new pg.Query(INSERT, callback as never))))).error
      ?.code,
}

const clientForms: Record<string, (client: Queryable) => Promise<string | undefined>> = {
  ...forms,
  'pg.Query with a listener': async (client) =>
    (await callsBack((callback) => client.query(new pg.Query(INSERT)).on('error', callback))).error?.code,
  'a cursor, read by callback': async (client) =>
    (await callsBack((callback) => client.query(new Cursor(INSERT)).read(1, callback as never))).error?.code,
  'a cursor, read by promise': (client) => codeOf(client.query(new Cursor(INSERT)).read(1)),
  'a cursor with a listener': async (client) =>
    (
      await callsBack((callback) =>
        (client.query(new Cursor(INSERT)) as unknown as EventEmitter).on('error', callback),
      )
    ).error?.code,
  'a query stream': (client) => codeOf(client.query(new QueryStream(INSERT)).toArray()),
}

/** The same for what pool.query takes and does not hand back. */
const poolForms: Record<string, (pool: Queryable) => Promise<string | undefined>> = {
  ...forms,
  'pg.Query, by the promise': (pool) =>
    codeOf(pool.query(new pg.Query(INSERT)) as unknown as Promise<unknown>),
  'a cursor': (pool) => {
    const cursor = new Cursor(INSERT)
    quietly(pool.query(cursor))
    return codeOf(cursor.read(1))
  },
  'a query stream': (pool) => {
    const stream = new QueryStream(INSERT)
    quietly(pool.query(stream))
    return codeOf(stream.toArray())
  },
}

function quietly(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(() => {})
}

async function expectNothingWritten(): Promise<void> {
  expect(await database.query("select from projects where name = 'refused'")).toEqual([])
}

describe('A refusal', () => {
  test('that is a rejected promise only leaves callbacks and query objects without an answer', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const client = await pool.connect()
    const callback = callsBack((call) => quietly(client.query(INSERT, call)))
    const cursor = new Cursor(INSERT)
    quietly(client.query(cursor))
    expect(await stillWaits(callback, database)).toBe(true)
    expect(await stillWaits(cursor.read(1), database)).toBe(true)
    client.release()
  })

  test.each(Object.entries(poolForms).map(([form, send]) => ({ form, send })))(
    'for want of a scope reaches the caller of pool.query, and nothing is opened: $form',
    async ({ send }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      expect(await send(pool as unknown as Queryable)).toBe('TENANT_REQUIRED')
      expect(await tenancy.defer(() => send(pool as unknown as Queryable))).toBe('TENANT_REQUIRED')
      expect(pool.totalCount).toBe(0)
    },
  )

  test('for want of a scope reaches the caller of connect and of transaction', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    expect(await codeOf(pool.connect())).toBe('TENANT_REQUIRED')
    const { error } = await callsBack((callback) => pool.connect((failure) => callback(failure)))
    expect(error?.code).toBe('TENANT_REQUIRED')
    expect(await codeOf(pool.transaction(async () => {}))).toBe('TENANT_REQUIRED')
    expect(pool.totalCount).toBe(0)
  })

  test('for want of a system pool reaches every caller', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await tenancy.asSystem('a test', async () => {
      for (const send of Object.values(poolForms)) {
        expect(await send(pool as unknown as Queryable)).toBe('SYSTEM_POOL_REQUIRED')
      }
      expect(await codeOf(pool.connect())).toBe('SYSTEM_POOL_REQUIRED')
    })
    expect(pool.totalCount).toBe(0)
  })
})

const others: Record<string, (fn: () => unknown) => unknown> = {
  'another tenant': (fn) => tenancy.run({ tenantId: tenantId(2), userId: 'u1' }, fn),
  'another user of the same tenant': (fn) => tenancy.run({ tenantId: tenantId(1), userId: 'u2' }, fn),
  'no tenant': (fn) => tenancy.withoutTenant({ userId: 'u1' }, fn),
  'nobody at all': (fn) => tenancy.withoutTenant(fn),
  'the system': (fn) => tenancy.asSystem('a test', fn),
}

describe("A checkout's client in another scope", () => {
  test('acts, in a naive pool, as the checkout, though the request is of another tenant', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    expect(tenantsIn(await asTenant(2, () => client.query(WHOSE_ROWS)))).toEqual([1])
    client.release()
  })

  test.each(
    Object.entries(others).flatMap(([other, within]) =>
      Object.entries(clientForms).map(([form, send]) => ({ other, within, form, send })),
    ),
  )('refuses for $other: $form', async ({ within, send }) => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    const client = await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, () => pool.connect())
    expect(await within(() => send(client))).toBe('TENANT_MISMATCH')
    // Refused in a transaction, it does not end it.
    await client.query('begin')
    expect(await within(() => send(client))).toBe('TENANT_MISMATCH')
    expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
    await client.query('rollback')
    client.release()
    await expectNothingWritten()
  })

  test('refuses a client of no tenant, or of the system, for a tenant', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    const none = await tenancy.withoutTenant(() => pool.connect())
    const system = await tenancy.asSystem('a test', () => pool.connect())
    for (const send of Object.values(clientForms)) {
      expect(await asTenant(1, () => send(none))).toBe('TENANT_MISMATCH')
      expect(await asTenant(1, () => send(system))).toBe('TENANT_MISMATCH')
      expect(await tenancy.withoutTenant(() => send(system))).toBe('TENANT_MISMATCH')
    }
    none.release()
    system.release()
    await expectNothingWritten()
  })

  test('runs as the checkout where there is no scope at all', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
    expect(tenantsIn((await callsBack((callback) => client.query(WHOSE_ROWS, callback))).result)).toEqual([1])
    const cursor = client.query(new Cursor<{ tenant: string }>(WHOSE_ROWS))
    expect(tenantsIn({ rows: await cursor.read(10) })).toEqual([1])
    await cursor.close()
    expect(tenantsIn({ rows: await client.query(new QueryStream(WHOSE_ROWS)).toArray() })).toEqual([1])
    client.release()
  })

  test('runs in a nested run of the same tenant, and in another run that is the same whole', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, async () => {
      const client = await pool.connect()
      expect(tenantsIn(await tenancy.run(tenantId(1), () => client.query(WHOSE_ROWS)))).toEqual([1])
      client.release()
    })
    const client = await asTenant(1, () => pool.connect())
    expect(tenantsIn(await tenancy.run(tenantId(1).toUpperCase(), () => client.query(WHOSE_ROWS)))).toEqual([
      1,
    ])
    client.release()
    await asTenant(1, () => expectWhole(pool))
  })
})

describe('What ORMs ask about a pool and its clients', () => {
  test('has the answers of pg', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(client).toBeInstanceOf(pg.Client)
    expect(pool.constructor.name).toContain('Pool')
    expect(client.constructor.name).not.toContain('Pool')
    expect(Object.getPrototypeOf(pool).constructor.name).toContain('Pool')
    expect((pool as unknown as { Client: { name: string } }).Client.name).not.toContain('Pool')
    expect(pool.client).toBe(pool)
    expect((client as unknown as { processID: number }).processID).toBeGreaterThan(0)
    expect(client.escapeLiteral(`it's`)).toBe(`'it''s'`)
    client.release()
  })
})
