import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, test } from 'vitest'
import { asTenant, currentTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { stillWaits } from '../support/still-waits.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const insert = (name: string): string => `insert into projects (name) values ('${name}')`

/** Whose the projects of a name are, as a superuser sees them. */
async function ownersOf(name: string): Promise<string[]> {
  const rows = await database.query<{ tenant_id: string }>('select tenant_id from projects where name = $1', [
    name,
  ])
  return rows.map(({ tenant_id }) => tenant_id)
}

/**
 * Tenant 1 sends two statements and releases without waiting for either; tenant 2, who waits for the only connection,
 * gets it while the second of them is still in its queue.
 */
async function releaseWithAQueue(
  pool: pg.Pool,
  name: string,
): Promise<{ second: Promise<unknown>; rows: number[] }> {
  const first = await asTenant(1, () => pool.connect())
  const next = asTenant(2, () => pool.connect())
  const sent = asTenant(1, async () => {
    const statements = [first.query('select 1'), first.query(insert(name))]
    first.release()
    return { second: statements[1] as Promise<unknown> }
  })
  const client = await next
  const rows = tenantsIn(await asTenant(2, () => client.query(WHOSE_ROWS)))
  const { second } = await sent
  await Promise.allSettled([second])
  client.release()
  return { second, rows }
}

describe('A statement that is still queued when its checkout is released', () => {
  test('in a naive pool runs for the next holder', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await releaseWithAQueue(pool, 'queued naively')
    expect(await ownersOf('queued naively')).toEqual([tenantId(2)])
  })

  test('runs for its own tenant, before the next holder gets the connection', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { second, rows } = await releaseWithAQueue(pool, 'queued')
    expect(await codeOf(second)).toBeUndefined()
    expect(await ownersOf('queued')).toEqual([tenantId(1)])
    expect(rows).toEqual([2])
  })

  test('runs for its own tenant when many do so at once, in every form', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 2 })
    const seen = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        asTenant(index + 1, async () => {
          const client = await pool.connect()
          const results = [
            client.query(WHOSE_ROWS),
            callsBack<pg.QueryResult>((callback) => client.query(WHOSE_ROWS, callback)).then(
              ({ result }) => result,
            ),
            new Promise((resolve, reject) => {
              const query = new pg.Query<{ tenant: string }>(WHOSE_ROWS)
              const rows: unknown[] = []
              query.on('row', (row) => rows.push(row))
              query.on('end', () => resolve({ rows }))
              query.on('error', reject)
              client.query(query)
            }),
            client.query({ name: 'whose', text: WHOSE_ROWS }),
          ]
          client.release()
          return Promise.all(results)
        }),
      ),
    )
    expect(seen.map((results) => results.map(tenantsIn))).toEqual(
      Array.from({ length: 60 }, (_, index) => Array.from({ length: 4 }, () => [index + 1])),
    )
  })
})

describe('A caller who waits for a connection', () => {
  test('gets it, in a pool that asks for the scope when it sends, in the scope of whoever frees it', async () => {
    const pool = endAfterTest(new pg.Pool({ connectionString: database.urls.app, max: 1 }))
    const scopes: (number | undefined)[] = []
    const first = await asTenant(1, () => pool.connect())
    const waiting = asTenant(2, () =>
      callsBack((callback) =>
        pool.connect((error, _client, release) => {
          scopes.push(currentTenant())
          release()
          callback(error)
        }),
      ),
    )
    tenancy.run(tenantId(1), () => first.release())
    await waiting
    expect(scopes).toEqual([1])
  })

  test('is served in the scope in which it asked, whoever frees the connection', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const first = await asTenant(50, () => pool.connect())
    const throughCallbacks = async (): Promise<unknown[] | undefined> => {
      const { result } = await callsBack<unknown[]>((callback) =>
        pool.connect((error, client, release) => {
          const connectedFor = currentTenant()
          if (client === undefined) {
            callback(error)
            return
          }
          client.query(WHOSE_ROWS, (failure, rows) => {
            release()
            callback(failure, [connectedFor, currentTenant(), ...tenantsIn(rows)])
          })
        }),
      )
      return result
    }
    const asked = Array.from({ length: 20 }, (_, index) =>
      asTenant(index + 1, async () => [tenantsIn(await pool.query(WHOSE_ROWS)), await throughCallbacks()]),
    )
    tenancy.run(tenantId(50), () => first.release())
    const tenants = Array.from({ length: 20 }, (_, index) => index + 1)
    expect(await Promise.all(asked)).toEqual(tenants.map((tenant) => [[tenant], [tenant, tenant, tenant]]))
  })

  test('is served in the scope it asked in though the scope has been left by then', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const first = await asTenant(1, () => pool.connect())
    let asked: Promise<pg.PoolClient> | undefined
    tenancy.run(tenantId(2), () => {
      asked = pool.connect()
    })
    first.release()
    const client = await asked
    expect(tenantsIn(await client?.query(WHOSE_ROWS))).toEqual([2])
    client?.release()
  })
})

describe('The conversion of a value', () => {
  /** A value that notes for whom it is converted. */
  function noting(seen: (number | undefined)[]): { toPostgres: () => string } {
    return {
      toPostgres: () => {
        seen.push(currentTenant())
        return String(currentTenant())
      },
    }
  }

  test('in a plain pool asks for the tenant when the connection is free, in the scope of whoever frees it', async () => {
    const pool = endAfterTest(new pg.Pool({ connectionString: database.urls.app, max: 1 }))
    const seen: (number | undefined)[] = []
    const first = await asTenant(1, () => pool.connect())
    const waiting = asTenant(2, () => pool.query('select $1::text', [noting(seen)]))
    tenancy.run(tenantId(1), () => first.release())
    await waiting
    expect(seen).toEqual([1])
  })

  test('asks for the tenant in the scope of its caller, when it is called', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: (number | undefined)[] = []
    const first = await asTenant(1, () => pool.connect())
    const waiting = asTenant(2, () =>
      pool.query<{ value: string }>('select $1::text as value', [noting(seen)]),
    )
    const called = asTenant(3, () =>
      callsBack((callback) => pool.query('select $1::text', [noting(seen)], callback)),
    )
    expect(seen).toEqual([2, 3])
    tenancy.run(tenantId(1), () => first.release())
    expect((await waiting).rows).toEqual([{ value: '2' }])
    expect((await called).error).toBeFalsy()
    expect(seen).toEqual([2, 3])
  })

  test("asks for the tenant in the caller's scope for a query queued on a client, too", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: (number | undefined)[] = []
    await asTenant(2, async () => {
      const client = await pool.connect()
      const results = [
        client.query('select 1'),
        client.query('select $1::text', [noting(seen)]),
        callsBack((callback) => client.query('select $1::text', [noting(seen)], callback)),
        callsBack((callback) =>
          client.query(new pg.Query('select $1::text', [noting(seen)], callback as never)),
        ),
      ]
      client.release()
      await Promise.all(results)
    })
    expect(seen).toEqual([2, 2, 2])
  })

  test("asks for the tenant in the caller's scope for a pg.Query that waits for a connection", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const seen: (number | undefined)[] = []
    const first = await asTenant(1, () => pool.connect())
    const waiting = asTenant(2, () =>
      callsBack((callback) => pool.query(new pg.Query('select $1::text', [noting(seen)], callback as never))),
    )
    tenancy.run(tenantId(1), () => first.release())
    expect((await waiting).error).toBeFalsy()
    expect(seen).toEqual([2])
  })
})

describe('A cursor queued behind a query', () => {
  test('at a release is pooled by a naive pool, and whoever comes next waits for good', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    const client = await asTenant(1, () => pool.connect())
    const first = asTenant(1, () => client.query(WHOSE_ROWS))
    await asTenant(1, async () => client.query(new Cursor(WHOSE_ROWS)) && undefined)
    client.release()
    await first
    const next = await asTenant(2, () => pool.connect())
    const answer = asTenant(2, () => codeOf(next.query(WHOSE_ROWS)))
    expect(await stillWaits(answer, database)).toBe(true)
    next.release(true)
    await answer
  })

  test('at a release is ended with its connection, and the pool is whole', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, connectionTimeoutMillis: 5_000 })
    const client = await asTenant(1, () => pool.connect())
    const first = asTenant(1, () => client.query(WHOSE_ROWS))
    await asTenant(1, async () => client.query(new Cursor(WHOSE_ROWS)) && undefined)
    client.release()
    expect(tenantsIn(await first)).toEqual([1])
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
  })
})
