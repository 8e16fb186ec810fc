import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, currentTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack } from '../support/calls-back.ts'
import { takeLock } from '../support/lock.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { pgIsAtLeast } from '../support/pg-version.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Asks one after another: a second use of the object must find nothing of the first in it. */
type Ask = (pool: pg.Pool, config: pg.QueryConfig, values: unknown[] | undefined) => Promise<unknown>

const onAClient = async <T>(pool: pg.Pool, use: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

const answer = async (
  ask: (callback: (error: Error | null | undefined, result?: unknown) => void) => unknown,
) => {
  const caller = currentTenant()
  const { error, result } = await callsBack((callback) =>
    ask((failure, given) => {
      expect(currentTenant()).toBe(caller)
      callback(failure, given)
    }),
  )
  if (error) throw error
  return result
}

const ways: Record<string, Ask> = {
  'pool, promise': (pool, config, values) => pool.query(config, values as never),
  'pool, callback': (pool, config, values) =>
    answer((callback) =>
      (pool.query as (...all: unknown[]) => unknown)(config, values ?? callback, callback),
    ),
  'client, promise': (pool, config, values) =>
    onAClient(pool, (client) => client.query(config, values as never)),
  'client, callback': (pool, config, values) =>
    onAClient(pool, (client) =>
      answer((callback) =>
        (client.query as (...all: unknown[]) => unknown)(config, values ?? callback, callback),
      ),
    ),
}

const pairs = Object.keys(ways).flatMap((first) => Object.keys(ways).map((second) => ({ first, second })))

describe('One config object used by two tenants', () => {
  test.skipIf(pgIsAtLeast(17))(
    'keeps, with plain pg before 8.17, the callback of the first caller, who is called for the second',
    async () => {
      const pool = endAfterTest(new pg.Pool({ connectionString: database.urls.app, max: 1 }))
      const config: pg.QueryConfig = { text: 'select 1 as one' }
      await pool.query(config)
      expect(Object.keys(config)).toContain('callback')
    },
  )

  test.each(pairs)(
    'is not changed, and each gets its own rows: $first, then $second',
    async ({ first, second }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const config = { text: WHOSE_ROWS }
      for (const [way, tenant] of [
        [first, 1],
        [second, 2],
        [first, 3],
      ] as const) {
        expect(
          tenantsIn(await asTenant(tenant, () => ways[way]?.(pool, config, undefined) as Promise<unknown>)),
        ).toEqual([tenant])
        expect(config).toEqual({ text: WHOSE_ROWS })
      }
    },
  )

  test.each(pairs)(
    'does not carry values from one to the other: $first, then $second',
    async ({ first, second }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const config = { text: 'select $1::text as value' }
      for (const [way, tenant] of [
        [first, 1],
        [second, 2],
        [first, 3],
      ] as const) {
        const secret = `secret of ${tenant}`
        const result = await asTenant(tenant, () => ways[way]?.(pool, config, [secret]) as Promise<unknown>)
        expect((result as pg.QueryResult).rows).toEqual([{ value: secret }])
        expect(config).toEqual({ text: 'select $1::text as value' })
      }
      // Without values of its own, the next use has none: PostgreSQL says so, and nobody else's are sent.
      await expect(
        asTenant(4, () => ways[second]?.(pool, config, undefined) as Promise<unknown>),
      ).rejects.toMatchObject({
        code: '08P01',
      })
    },
  )

  test('serves both at the same time', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 4 })
    const lock = await takeLock(database)
    const config = Object.freeze({ text: `${WHOSE_ROWS}, (select pg_advisory_xact_lock(4711)) as wait` })
    const answers = [1, 2, 3, 4].map((tenant) =>
      asTenant(tenant, () => {
        const way = Object.values(ways)[tenant - 1] as Ask
        return way(pool, config, undefined)
      }),
    )
    await lock.waitedFor(4)
    await lock.open()
    expect((await Promise.all(answers)).map(tenantsIn)).toEqual([[1], [2], [3], [4]])
  })

  test('may be an instance of a class, with getters', async () => {
    class Statement {
      get text(): string {
        return WHOSE_ROWS
      }
    }
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const statement = new Statement()
    for (const tenant of [1, 2]) {
      expect(tenantsIn(await asTenant(tenant, () => pool.query(statement)))).toEqual([tenant])
      expect(
        tenantsIn(
          await asTenant(
            tenant,
            () => ways['client, callback']?.(pool, statement, undefined) as Promise<unknown>,
          ),
        ),
      ).toEqual([tenant])
    }
    expect(Object.keys(statement)).toEqual([])
  })

  test('may have values that are used twice', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const values = [{ a: 1 }, [1, 2], new Date(0)]
    const config = { text: 'select $1::jsonb as object, $2::int[] as list, $3::timestamptz as date', values }
    for (const tenant of [1, 2]) {
      const { rows } = await asTenant(tenant, () => pool.query(config))
      expect(rows).toEqual([{ object: { a: 1 }, list: [1, 2], date: new Date(0) }])
    }
    expect(config.values).toBe(values)
    expect(values).toEqual([{ a: 1 }, [1, 2], new Date(0)])
  })
})
