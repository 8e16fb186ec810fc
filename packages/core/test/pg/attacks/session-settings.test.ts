import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { clientsOf, settingsLeft } from '../support/raw-query.ts'
import { openSessionPool } from '../support/session-pool.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const USER = `select current_setting('app.current_user_id', true) as "user"`

/** What somebody on a client for no tenant sees. */
async function withoutTenant(pool: pg.Pool): Promise<number[]> {
  return tenancy.withoutTenant(async () => {
    const client = await pool.connect()
    const tenants = tenantsIn(await client.query(WHOSE_ROWS))
    client.release()
    return tenants
  })
}

describe('A pool that sets the session at checkout', () => {
  test("shows a tenant's rows to work for no tenant", async () => {
    const pool = openSessionPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => (await pool.connect()).release())
    expect(await withoutTenant(pool)).toEqual([1])
  })

  test("lends a user's setting to the next tenant", async () => {
    const pool = openSessionPool({ connectionString: database.urls.app, max: 1 })
    await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, async () => (await pool.connect()).release())
    await asTenant(2, async () => {
      const client = await pool.connect()
      expect((await client.query(USER)).rows).toEqual([{ user: 'u1' }])
      client.release()
    })
  })
})

/** Ways in which a session is left with the settings of tenant 1. */
const ways: Record<string, (client: pg.PoolClient) => Promise<unknown>> = {
  SET: (client) => client.query(`set app.current_tenant_id = '${tenantId(1)}'`),
  'SET SESSION, and the user': async (client) => {
    await client.query(`set session app.current_tenant_id to '${tenantId(1)}'`)
    await client.query(`set app.current_user_id = 'u1'`)
  },
  'set_config(…, false)': (client) =>
    client.query(
      `select set_config('app.current_tenant_id', $1, false), set_config('app.current_user_id', 'u1', false)`,
      [tenantId(1)],
    ),
  'set_config in a transaction': async (client) => {
    await client.query('begin')
    await client.query(`select set_config('app.current_tenant_id', $1, false)`, [tenantId(1)])
    await client.query('commit')
  },
  'set_config in several statements': (client) =>
    client.query(
      `select 1; select set_config('app.current_tenant_id', '${tenantId(1)}', false), set_config('app.current_user_id', 'u1', false)`,
    ),
  DO: (client) => client.query(`do $$ begin perform set_config('app.current_user_id', 'u1', false); end $$`),
}

describe('A session that tenant 1 has left with its settings', () => {
  test('shows its rows, in a naive pool with no prelude for work without a tenant', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const clients = clientsOf(pool)
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query(`set app.current_tenant_id = '${tenantId(1)}'`)
      client.release()
    })
    expect((await settingsLeft(clients[0] as pg.PoolClient))[0]).toBe(tenantId(1))
  })

  test.each(Object.entries(ways).map(([name, leave]) => ({ name, leave })))(
    'shows nothing of it to anybody: $name',
    async ({ leave }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const clients = clientsOf(pool)
      await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, async () => {
        const client = await pool.connect()
        await leave(client)
        client.release()
      })
      // The attack has worked: the session itself does have them.
      expect(await settingsLeft(clients[0] as pg.PoolClient)).not.toEqual(['', ''])

      expect(await withoutTenant(pool)).toEqual([])
      await tenancy.withoutTenant(async () => {
        expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([])
        expect((await pool.query(USER)).rows).toEqual([{ user: '' }])
        await pool.transaction(async (client) => {
          expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([])
        })
        const client = await pool.connect()
        expect(await codeOf(client.query(`insert into projects (name) values ('nobody')`))).toBe('42501')
        client.release()
        const results: unknown = await pool.query(`${WHOSE_ROWS}; ${USER}`)
        expect((results as pg.QueryResult[]).map(({ rows }) => rows as unknown)).toEqual([[], [{ user: '' }]])
      })
      await tenancy.withoutTenant({ userId: 'u2' }, async () => {
        expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([])
        expect((await pool.query(USER)).rows).toEqual([{ user: 'u2' }])
      })
      await asTenant(2, async () => {
        expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([2])
        expect((await pool.query(USER)).rows).toEqual([{ user: '' }])
      })
      expect(clients.length).toBe(1)
    },
  )

  test('shows nothing of it to set-up or to what is made of the connection later', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: unknown[] = []
    pool.on('connect', (client) => {
      void client.query(`set app.current_tenant_id = '${tenantId(1)}'`)
      client.query(WHOSE_ROWS, (_error, result) => seen.push(tenantsIn(result)))
    })
    expect(await withoutTenant(pool)).toEqual([])
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    expect(seen).toEqual([[]])
  })

  test('shows nothing of what a role starts its sessions with', async () => {
    await database.query(
      `alter role tenantry_app in database "${database.name}" set app.current_tenant_id = '${tenantId(1)}'`,
    )
    try {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const clients = clientsOf(pool)
      expect(await withoutTenant(pool)).toEqual([])
      expect(await settingsLeft(clients[0] as pg.PoolClient)).toEqual([tenantId(1), ''])
      await asTenant(2, async () => {
        const client = await pool.connect()
        await client.query('begin')
        await client.query('reset all')
        expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([2])
        await client.query('rollback')
        client.release()
      })
    } finally {
      await database.query(
        `alter role tenantry_app in database "${database.name}" reset app.current_tenant_id`,
      )
    }
  })
})
