import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const insert = (name: string): string => `insert into projects (name) values ('${name}')`

/** How many projects of a name there are, as a superuser sees it. */
async function projects(name: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'select count(*)::int as count from projects where name = $1',
    [name],
  )
  return row?.count ?? -1
}

/** Tenant 1 leaves a transaction open; tenant 2 has an INSERT acknowledged; tenant 3 rolls back its own transaction. */
async function beginAndRelease(pool: pg.Pool, name: string): Promise<string | undefined> {
  const first = await asTenant(1, () => pool.connect())
  const begun = asTenant(1, () => first.query('begin'))
  first.release()
  await begun
  const acknowledged = codeOf(asTenant(2, () => pool.query(insert(name))))
  await acknowledged
  await asTenant(3, async () => {
    const client = await pool.connect()
    await client.query('begin')
    await client.query('rollback')
    client.release()
  })
  return acknowledged
}

describe('A client released in a transaction', () => {
  test("takes, in a naive pool, the next tenant's acknowledged INSERT along when it is rolled back", async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    expect(await beginAndRelease(pool, 'lost')).toBeUndefined()
    expect(await projects('lost')).toBe(0)
  })

  test("leaves the next tenant's INSERT alone", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    expect(await beginAndRelease(pool, 'kept')).toBeUndefined()
    expect(await projects('kept')).toBe(1)
  })

  test('hands, in a naive pool, its failed transaction to the next tenant', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      await codeOf(client.query('select 1 / 0'))
      client.release()
    })
    expect(await codeOf(asTenant(2, () => pool.query(WHOSE_ROWS)))).toBe('25P02')
  })

  test.each([
    [
      'the caller has seen fail',
      async (client: pg.PoolClient) => {
        await client.query('begin')
        expect(await codeOf(client.query('select 1 / 0'))).toBe('22012')
      },
    ],
    [
      'fails after the release',
      async (client: pg.PoolClient) => {
        await client.query('begin')
        client.query('select 1 / 0', () => {})
      },
    ],
    [
      'is idle',
      async (client: pg.PoolClient) => {
        await client.query('begin')
        await client.query(insert('of an abandoned transaction'))
      },
    ],
    [
      'is about to begin',
      async (client: pg.PoolClient) => {
        client.query('begin', () => {})
        client.query(insert('of an abandoned transaction'), () => {})
      },
    ],
    [
      'was begun again with AND CHAIN',
      async (client: pg.PoolClient) => {
        await client.query('begin')
        await client.query('commit and chain')
      },
    ],
    [
      'was begun in a text of several statements',
      async (client: pg.PoolClient) => {
        await client.query('begin; savepoint s')
      },
    ],
  ])('which %s is destroyed, not pooled, and the server rolls back', async (_name, abandon) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { backend } = await asTenant(1, async () => {
      const client = await pool.connect()
      const number = await backendOf(client)
      await abandon(client)
      client.release()
      return { backend: number }
    })
    await asTenant(2, async () => {
      const client = await pool.connect()
      expect(await backendOf(client)).not.toBe(backend)
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([2])
      client.release()
    })
    expect(await projects('of an abandoned transaction')).toBe(0)
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
  })

  test('and committed by what is queued is pooled, its rows kept', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const backend = await asTenant(1, async () => {
      const client = await pool.connect()
      const number = await backendOf(client)
      for (const text of ['begin', insert('queued to the commit'), 'commit']) client.query(text, () => {})
      client.release()
      return number
    })
    await asTenant(2, async () => {
      const client = await pool.connect()
      expect(await backendOf(client)).toBe(backend)
      client.release()
    })
    expect(await projects('queued to the commit')).toBe(1)
  })

  test('may be released in the callback of a statement that failed', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      // The error comes before the server is ready for more.
      const { error } = await callsBack((callback) =>
        client.query('select 1 / 0', (failure) => {
          client.release()
          callback(failure)
        }),
      )
      expect(error?.code).toBe('22012')
    })
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
  })

  test('may be rolled back and released from any scope', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    const scopes: ((fn: () => unknown) => unknown)[] = [
      (fn) => fn(),
      (fn) => tenancy.run(tenantId(2), fn),
      (fn) => tenancy.withoutTenant(fn),
      (fn) => tenancy.asSystem('a test', fn),
    ]
    for (const within of scopes) {
      const client = await asTenant(1, () => pool.connect())
      const backend = await asTenant(1, () => backendOf(client))
      await asTenant(1, () => client.query('begin'))
      await asTenant(1, () => client.query(insert('rolled back from anywhere')))
      await within(async () => {
        await client.query('rollback')
        client.release()
      })
      await asTenant(3, async () => {
        const next = await pool.connect()
        expect(await backendOf(next)).toBe(backend)
        expect(tenantsIn(await next.query(WHOSE_ROWS))).toEqual([3])
        next.release()
      })
    }
    expect(await projects('rolled back from anywhere')).toBe(0)
  })
})
