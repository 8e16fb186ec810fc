import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { TenantPool } from '../../../src/pg/index.ts'
import { asTenant, currentTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { takeLock, WAIT_FOR_LOCK } from '../support/lock.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { pgIsAtLeast } from '../support/pg-version.ts'
import { clientsOf } from '../support/raw-query.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const INSERT = `insert into projects (tenant_id, name) values ('${tenantId(1)}', 'unleased')`

/** Everything that a client refuses, in all of its forms. */
async function expectRefusal(client: pg.ClientBase, text = INSERT): Promise<void> {
  expect(await codeOf(client.query(text))).toBe('CLIENT_NOT_CHECKED_OUT')
  expect(await codeOf(client.query({ text }))).toBe('CLIENT_NOT_CHECKED_OUT')
  const answers = [
    await callsBack((callback) => client.query(text, callback)),
    await callsBack((callback) => client.query(text, [], callback)),
    await callsBack((callback) => client.query(new pg.Query(text, callback as never))),
    await callsBack((callback) => client.query(new Cursor(text)).read(1, callback as never)),
  ]
  expect(answers.map(({ error }) => error?.code)).toEqual(answers.map(() => 'CLIENT_NOT_CHECKED_OUT'))
  expect(await database.query("select from projects where name = 'unleased'")).toEqual([])
}

/** A client that Kysely would make to cancel a statement on another connection. */
async function controlClient(pool: TenantPool): Promise<pg.Client> {
  const { Client } = pool as unknown as { Client: new (options: unknown) => pg.Client }
  const client = new Client(pool.options)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

describe("A client that the pool's events have shown", () => {
  test.each(['connect', 'acquire', 'release'] as const)('refuses after set-up: %s', async (event) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const clients: pg.PoolClient[] = []
    pool.on(event, (...values: unknown[]) => clients.push(values.at(-1) as pg.PoolClient))
    await asTenant(1, () => pool.query('select 1'))
    const raw = clients[0] as pg.PoolClient
    await expectRefusal(raw)
    await asTenant(1, () => expectRefusal(raw))
    await tenancy.withoutTenant(() => expectRefusal(raw, WHOSE_ROWS))
    // While somebody holds it, too.
    const held = await asTenant(2, () => pool.connect())
    await expectRefusal(raw)
    await asTenant(2, () => expectRefusal(raw, 'rollback'))
    held.release()
    await asTenant(3, () => expectWhole(pool))
  })
})

describe('Set-up of a connection', () => {
  test('in the event "connect" is refused by a naive pool, which knows no tenant yet', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    let refusal: Promise<string | undefined> | undefined
    pool.on('connect', (client) => {
      refusal = codeOf(client.query("set application_name = 'set up'"))
    })
    await asTenant(1, () => pool.query('select 1'))
    expect(await refusal).toBe('Error: no tenant')
  })

  const APPLICATION = `select current_setting('application_name') as name`

  test('in the event "connect" runs first, for no tenant, whoever opens the connection', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: unknown[] = []
    pool.on('connect', (client) => {
      seen.push(currentTenant())
      void client.query("set application_name = 'set up'")
      client.query(WHOSE_ROWS, (_error, result) => seen.push(tenantsIn(result)))
      void client.query({ name: 'named', text: WHOSE_ROWS }).then((result) => seen.push(tenantsIn(result)))
      client.query(
        new pg.Query(WHOSE_ROWS, ((_error: unknown, result: unknown) =>
          seen.push(tenantsIn(result))) as never),
      )
      client.query(INSERT, (error) => seen.push((error as Error & { code?: string }).code))
    })
    await asTenant(1, async () => {
      expect((await pool.query(APPLICATION)).rows).toEqual([{ name: 'set up' }])
      expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([1])
    })
    expect(seen).toEqual([undefined, [], [], [], '42501'])
    expect(await database.query("select from projects where name = 'unleased'")).toEqual([])
  })

  test.skipIf(!pgIsAtLeast(23))(
    'in onConnect runs first, for no tenant (pg-pool of pg 8.16 has none)',
    async () => {
      const seen: unknown[] = []
      const pool = openPool({
        connectionString: database.urls.app,
        max: 1,
        onConnect: async (client: pg.ClientBase) => {
          await client.query("set application_name = 'set up'")
          await client.query(`set app.current_tenant_id = '${tenantId(5)}'`)
          seen.push(tenantsIn(await client.query(WHOSE_ROWS)), currentTenant())
        },
      })
      await asTenant(1, async () => {
        expect((await pool.query(APPLICATION)).rows).toEqual([{ name: 'set up' }])
        expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([1])
      })
      expect(tenantsIn(await tenancy.withoutTenant(() => pool.query(WHOSE_ROWS)))).toEqual([])
      expect(seen).toEqual([[], undefined])
    },
  )

  test('may listen on the connection for as long as it lives, in no scope', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const heard: unknown[] = []
    pool.on('connect', (client) => client.on('notice', () => heard.push(currentTenant() ?? 'nobody')))
    for (const tenant of [1, 2]) {
      await asTenant(tenant, () => pool.query(`do $$ begin raise notice 'heard'; end $$`))
    }
    expect(heard).toEqual(['nobody', 'nobody'])
  })

  test('settings it makes do not show through, to tenants or to work for no tenant', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    pool.on('connect', (client) => {
      void client.query(`set app.current_tenant_id = '${tenantId(5)}'; set app.current_user_id = 'u5'`)
      void client.query(`select set_config('app.current_tenant_id', '${tenantId(5)}', false)`)
    })
    const clients = clientsOf(pool)
    const USER = `select current_setting('app.current_user_id') as "user"`
    await tenancy.withoutTenant(async () => {
      expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([])
      expect((await pool.query(USER)).rows).toEqual([{ user: '' }])
    })
    await asTenant(1, async () => {
      expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([1])
      expect((await pool.query(USER)).rows).toEqual([{ user: '' }])
    })
    expect(clients.length).toBe(1)
  })
})

describe('A client made with the options of the pool', () => {
  test('refuses statements', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const client = await controlClient(pool)
    await expectRefusal(client)
    await asTenant(1, () => expectRefusal(client))
    await asTenant(1, () => expectRefusal(client, WHOSE_ROWS))
    await expectRefusal(client, 'begin')
  })

  test('cannot be made without them', () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { Client } = pool as unknown as { Client: new (options?: unknown) => pg.Client }
    expect(() => new Client({ connectionString: database.urls.app })).toThrow(
      expect.objectContaining({ code: 'CLIENT_NOT_CHECKED_OUT' }),
    )
    expect(() => new Client()).toThrow(expect.objectContaining({ code: 'CLIENT_NOT_CHECKED_OUT' }))
  })

  const cancellations: Record<string, (client: pg.Client, pid: number) => Promise<unknown>> = {
    'text, promise': (client, pid) => client.query(`select pg_cancel_backend(${pid})`),
    'text, callback': async (client, pid) => {
      const { error } = await callsBack((callback) =>
        client.query(`select pg_cancel_backend(${pid})`, callback),
      )
      if (error) throw error
    },
    'value, promise': (client, pid) => client.query('select pg_cancel_backend($1)', [pid]),
    'value, callback': async (client, pid) => {
      const { error } = await callsBack((callback) =>
        client.query('SELECT pg_cancel_backend($1);', [pid], callback),
      )
      if (error) throw error
    },
    config: (client, pid) => client.query({ text: 'select pg_cancel_backend($1)', values: [pid] }),
    'an end of the backend': (client, pid) => client.query('select pg_terminate_backend($1)', [pid]),
  }

  test.each(Object.entries(cancellations).map(([form, cancel]) => ({ form, cancel })))(
    "cancels another connection's statement: $form",
    async ({ cancel }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const control = await controlClient(pool)
      const lock = await takeLock(database)
      await asTenant(1, async () => {
        const client = await pool.connect()
        const pid = await backendOf(client)
        const working = codeOf(client.query(WAIT_FOR_LOCK))
        await lock.waitedFor()
        await cancel(control, pid)
        expect(['57014', '57P01']).toContain(await working)
        client.release()
      })
      await asTenant(2, () => expectWhole(pool))
      await lock.open()
    },
  )

  test.each([
    `select pg_cancel_backend(1), set_config('app.current_tenant_id', '${tenantId(1)}', false)`,
    `select pg_cancel_backend(1); ${WHOSE_ROWS}`,
    `select pg_cancel_backend(1) from projects`,
    `select pg_cancel_backend((select count(*) from projects)::int)`,
    `select pg_cancel_backend(1) as pid, * from projects`,
    `select pg_cancel_backend(1) union all select true from projects`,
    `select pg_terminate_backend(1) -- \n from projects`,
    `with p as (${WHOSE_ROWS}) select pg_cancel_backend(1)`,
    `select pg_cancel_backend(pid) from pg_stat_activity`,
    `select pg_reload_conf()`,
  ])('refuses what is more than a cancellation: %s', async (text) => {
    const client = await controlClient(openPool({ connectionString: database.urls.app, max: 1 }))
    await expectRefusal(client, text)
  })

  test('cannot be made to run anything else by an object that says it is a cancellation', async () => {
    const client = await controlClient(openPool({ connectionString: database.urls.app, max: 1 }))
    const ran: string[] = []
    const submittable = {
      text: 'select pg_cancel_backend(0)',
      submit: (connection: { query: (text: string) => void }) => {
        ran.push('submit')
        connection.query(`select set_config('app.current_tenant_id', '${tenantId(7)}', false)`)
      },
      handleError: (error: Error & { code?: string }) => ran.push(String(error.code)),
    }
    client.query(submittable as never)
    await new Promise((resolve) => setImmediate(resolve))
    expect(ran).toEqual(['CLIENT_NOT_CHECKED_OUT'])

    class Inherited extends Object {
      text = 'select pg_cancel_backend(0)'
      submit(): void {
        ran.push('inherited')
      }
      handleError(): void {}
    }
    client.query(new Inherited() as never)
    let reads = 0
    const changing = {
      get text() {
        reads += 1
        return reads === 1 ? 'select pg_cancel_backend(0)' : INSERT
      },
    }
    expect(await codeOf(client.query(changing))).toBeUndefined()
    const values = { toPostgres: () => `0) from projects --` }
    await codeOf(client.query('select pg_cancel_backend($1)', [values]))
    const extra = {
      text: 'select pg_cancel_backend(0)',
      name: 'evil',
      rows: 1,
      types: { getTypeParser: () => ran.push('parser') },
      portal: 'evil',
      [Symbol.toPrimitive]: () => INSERT,
    }
    expect(await codeOf(client.query(extra as never))).toBeUndefined()
    expect(ran).toEqual(['CLIENT_NOT_CHECKED_OUT'])
    expect(await database.query("select from projects where name = 'unleased'")).toEqual([])
  })
})
