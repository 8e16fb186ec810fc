import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { committedProjects } from '../../pg/support/projects.ts'
import { tenancy, tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openPlainSql, openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

/** What a naive wrapper of `sql.begin` does. */
function naively<T>(
  sql: postgres.Sql,
  tenant: number,
  work: (transaction: postgres.TransactionSql) => Promise<T>,
) {
  return sql.begin(async (transaction) => {
    await transaction`select set_config('app.current_tenant_id', ${tenantId(tenant)}, true)`
    return work(transaction)
  })
}

describe('A handle that is kept for too long', () => {
  test("in postgres.js itself acts in the next one's transaction", async () => {
    const sql = openPlainSql(database.urls.app)
    let stale = {} as postgres.TransactionSql
    await naively(sql, 1, async (transaction) => {
      stale = transaction
    })
    expect(await naively(sql, 2, () => whoseRows(stale))).toEqual([2])
  })

  test('is refused: of a transaction', async () => {
    const sql = openSql(database.urls.app)
    let stale = {} as postgres.TransactionSql
    let nested = {} as postgres.TransactionSql
    await asTenant(1, () =>
      sql.begin(async (transaction) => {
        stale = transaction
        await transaction.savepoint(async (inner) => {
          nested = inner
        })
      }),
    )
    await asTenant(1, () =>
      sql.begin(async () => {
        expect(await codeOf(whoseRows(stale))).toBe('CLIENT_RELEASED')
        expect(await codeOf(whoseRows(nested))).toBe('CLIENT_RELEASED')
        expect(await codeOf(stale.unsafe('rollback'))).toBe('CLIENT_RELEASED')
      }),
    )
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('is refused: of a reserved connection, and it is released once', async () => {
    const sql = openSql(database.urls.app)
    const first = await asTenant(1, () => sql.reserve())
    first.release()
    const second = await asTenant(2, () => sql.reserve())
    expect(await codeOf(whoseRows(first))).toBe('CLIENT_RELEASED')
    expect(() => first.release()).toThrow(expect.objectContaining({ code: 'CLIENT_RELEASED' }))
    const waiting = asTenant(3, () => whoseRows(sql))
    expect(await whoseRows(second)).toEqual([2])
    second.release()
    expect(await waiting).toEqual([3])
  })

  test('made before the end and awaited after it, a query is refused', async () => {
    const sql = openSql(database.urls.app)
    let late: unknown
    await asTenant(1, () =>
      sql.begin(async (transaction) => {
        late = { query: transaction`select 1` }
      }),
    )
    expect(await codeOf((late as { query: Promise<unknown> }).query)).toBe('CLIENT_RELEASED')
  })
})

describe('A handle in another scope', () => {
  test('is refused, but for a rollback', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    const reserved = await asTenant(1, () => sql.reserve())
    await reserved`begin`
    expect(await asTenant(2, () => codeOf(whoseRows(reserved)))).toBe('TENANT_MISMATCH')
    expect(await tenancy.asSystem('a test', () => codeOf(whoseRows(reserved)))).toBe('TENANT_MISMATCH')
    expect(await tenancy.withoutTenant(() => codeOf(whoseRows(reserved)))).toBe('TENANT_MISMATCH')
    expect(await whoseRows(reserved)).toEqual([1])
    expect(await asTenant(2, () => codeOf(Promise.resolve(reserved`rollback`)))).toBeUndefined()
    expect(await asTenant(1, () => whoseRows(reserved))).toEqual([1])
    reserved.release()
  })
})

describe('A reserved connection released in a transaction', () => {
  test('in postgres.js itself goes to the next one with that transaction', async () => {
    const sql = openPlainSql(database.urls.app)
    const reserved = await sql.reserve()
    await reserved`begin`
    await reserved`select set_config('app.current_tenant_id', ${tenantId(4)}, true)`
    reserved.release()
    expect(await whoseRows(sql)).toEqual([4])
  })

  test('is rolled back, however it was left', async () => {
    const sql = openSql(database.urls.app)
    const ways: ((reserved: postgres.ReservedSql) => Promise<unknown>)[] = [
      async (reserved) => {
        await reserved`begin`
        await reserved`insert into projects (name) values ('lost')`
      },
      async (reserved) => {
        await reserved`begin`
        await codeOf(Promise.resolve(reserved`select 1 / 0`))
      },
      async (reserved) => {
        reserved`begin`.catch(() => {})
        reserved`insert into projects (name) values ('lost')`.catch(() => {})
      },
    ]
    for (const way of ways) {
      await asTenant(1, async () => {
        const reserved = await sql.reserve()
        await way(reserved)
        reserved.release()
      })
      expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
      await asTenant(2, async () => await sql`insert into projects (name) values ('kept')`)
    }
    expect(await committedProjects(database, 1)).toEqual([])
    expect(await committedProjects(database, 2)).toEqual(['kept', 'kept', 'kept'])
  })

  test('waits for what is under way, and the next one for it', async () => {
    const sql = openSql(database.urls.app)
    const reserved = await asTenant(1, () => sql.reserve())
    const queries = [reserved`select pg_sleep(0.05)`.execute(), whoseRows(reserved)]
    await new Promise(setImmediate)
    reserved.release()
    const next = asTenant(2, () => whoseRows(sql))
    expect(await queries[1]).toEqual([1])
    expect(await next).toEqual([2])
  })
})

describe('Reserving', () => {
  test('in postgres.js itself never comes to an end without fetch_types', async () => {
    const sql = openPlainSql(database.urls.app, { fetch_types: false })
    const opened = openPlainSql(database.urls.app)
    const reserved = sql.reserve()
    await opened`select 1`
    await opened`select 1`
    expect(await Promise.race([reserved, opened`select 1`.then(() => 'still waits')])).toBe('still waits')
  })

  test('works without fetch_types', async () => {
    const sql = openSql(database.urls.app, { fetch_types: false })
    await asTenant(1, async () => {
      const reserved = await sql.reserve()
      expect(await whoseRows(reserved)).toEqual([1])
      reserved.release()
    })
    expect(await asTenant(2, () => sql.begin((transaction) => whoseRows(transaction)))).toEqual([2])
  })
})
