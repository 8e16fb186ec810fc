import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openPlainSql, openSql, whoseRows } from '../support/open-sql.ts'
import { sleepBegins } from '../support/sleep-begins.ts'

const database = useDatabase()

const broken = new Date(Number.NaN)

describe('A query that cannot be built, beside those of others on one connection', () => {
  test("in postgres.js itself fails somebody else's query, and shifts the answers of all that follow", async () => {
    const sql = openPlainSql(database.urls.app)
    const ask = async (value: unknown): Promise<unknown> => {
      const [row] = await sql`select ${value as string}::text as mine`
      return row?.['mine']
    }
    await ask('prepared')
    const [first, , third] = ['a', undefined, 'c', 'd'].map((value) =>
      ask(value).catch((error: Error) => error),
    )
    expect(await first).toMatchObject({ code: 'UNDEFINED_VALUE' })
    expect(await third).toBe('d')
  })

  test('fails alone', async () => {
    const sql = openSql(database.urls.app)
    const ask = (tenant: number, value: unknown): Promise<unknown> =>
      asTenant(tenant, async () => {
        const rows =
          await sql`select tenant_id::text as tenant, ${value as string}::text as mine from projects limit 1`
        return [Number(rows[0]?.['tenant'].slice(-12)), rows[0]?.['mine']]
      }).catch((error: Error & { code?: string }) => error.code ?? error.name)
    await ask(1, 'prepared')
    const values = Array.from({ length: 60 }, (_, index) =>
      index % 3 === 1 ? undefined : index % 7 === 2 ? Symbol('cannot be text') : `value ${index}`,
    )
    const answers = await Promise.all(values.map((value, index) => ask(index + 1, value)))
    expect(answers).toEqual(
      values.map((value, index) =>
        value === undefined
          ? 'UNDEFINED_VALUE'
          : typeof value === 'symbol'
            ? 'TypeError'
            : [index + 1, value],
      ),
    )
    expect(await asTenant(9, () => whoseRows(sql))).toEqual([9])
  })

  test('fails alone in a transaction, and on a reserved connection', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      const reserved = await sql.reserve()
      const [before, wrong, after] = await Promise.allSettled([
        whoseRows(reserved),
        reserved`select ${broken}::timestamptz`,
        whoseRows(reserved),
      ])
      expect([before.status, wrong.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      reserved.release()
      await expect(
        sql.begin((transaction) => [transaction`select 1`, transaction`select ${undefined as never}`]),
      ).rejects.toThrow('UNDEFINED_VALUE')
    })
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })
})

describe('A cancelled query', () => {
  test('in postgres.js itself hands its answers on to the queries behind it', async () => {
    const sql = openPlainSql(database.urls.app)
    await sql`select 1`
    const first = sql`select 1 as mine, pg_sleep(0.3)::text`.execute()
    const second = sql`select 2 as mine`.execute()
    const third = sql`select 3 as mine`.execute()
    await new Promise(setImmediate)
    second.cancel()
    await first
    expect((await third)[0]).toMatchObject({ mine: 2 })
  })

  test('that waits is not sent, and no other is touched', async () => {
    const sql = openSql(database.urls.app)
    const queries = await asTenant(1, async () => [
      sql`select 1 as mine, pg_sleep(0.1)::text`.execute(),
      sql`select 2 as mine`.execute(),
      sql`select 3 as mine`.execute(),
    ])
    await new Promise(setImmediate)
    queries[1]?.cancel()
    const [first, second, third] = await Promise.allSettled(queries)
    expect(first).toMatchObject({ status: 'fulfilled', value: [{ mine: 1 }] })
    expect(second).toMatchObject({ status: 'rejected', reason: { code: '57014' } })
    expect(third).toMatchObject({ status: 'fulfilled', value: [{ mine: 3 }] })
  })

  test('that waits for its connection to open costs no connection', async () => {
    const sql = openSql(database.urls.app)
    const first = await asTenant(1, async () => ({ query: sql`select 1`.execute() }))
    await Promise.resolve()
    first.query.cancel()
    expect(await codeOf(first.query)).toBe('57014')
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('that waits inside a transaction, or on a reserved connection, blocks nothing', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      const reserved = await sql.reserve()
      const sleeping = reserved`select pg_sleep(0.1)`.execute()
      const waiting = reserved`select 2`.execute()
      await new Promise(setImmediate)
      waiting.cancel()
      expect(await codeOf(waiting)).toBe('57014')
      await sleeping
      expect(await whoseRows(reserved)).toEqual([1])
      reserved.release()
    })
  })

  test('that runs fails, and the next query on its connection, of another tenant, does not', async () => {
    const sql = openSql(database.urls.app)
    for (let round = 0; round < 20; round += 1) {
      const { query } = await asTenant(1, async () => ({ query: sql`select pg_sleep(10)`.execute() }))
      const next = asTenant(2, () => whoseRows(sql))
      await sleepBegins(database)
      query.cancel()
      expect(await codeOf(query)).toBe('57014')
      expect(await next).toEqual([2])
    }
  })

  test('before it is sent is never sent', async () => {
    const sql = openSql(database.urls.app)
    const query = sql`delete from projects`
    query.cancel()
    expect(await asTenant(1, () => codeOf(query))).toBe('57014')
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
  })
})
