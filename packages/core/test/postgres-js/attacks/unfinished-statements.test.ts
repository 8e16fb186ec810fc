import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { tenancy, tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openPlainSql, openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

/** The fifth row is its undoing. */
const FAILS_MIDWAY = 'select 1 / (5 - n) from generate_series(1, 9) as n'

const mine = new Error('mine')
const fail = (): never => {
  throw mine
}

/** Statements that end after some of their rows have come. */
const unfinished: Record<string, (sql: postgres.Sql) => PromiseLike<unknown>> = {
  'a statement that fails midway': (sql) => sql.unsafe(FAILS_MIDWAY),
  'one with values': (sql) => sql`select 1 / (${5}::int - n) from generate_series(1, 9) as n`,
  'the second of several': (sql) => sql.unsafe(`select 1; ${FAILS_MIDWAY}`),
  'one in a transaction': (sql) => sql.begin((transaction) => transaction.unsafe(FAILS_MIDWAY)),
  'a cursor in the middle of a batch': (sql) => sql.unsafe(FAILS_MIDWAY).cursor(3, () => {}),
  'a cursor whose callback throws': (sql) => sql`select generate_series(1, 9)`.cursor(2, fail),
  'a cursor whose callback is rejected': (sql) =>
    sql`select generate_series(1, ${9}::int)`.cursor(2, async () => fail()),
  'a statement whose backend is killed': (sql) =>
    sql`select case when n = 5 then pg_terminate_backend(pg_backend_pid()) end from generate_series(1, 9) as n`,
}

describe('A statement that does not come to its end', () => {
  test('in postgres.js itself leaves holes in the next result on its connection', async () => {
    const sql = openPlainSql(database.urls.app)
    expect(await codeOf(sql.unsafe(FAILS_MIDWAY))).toBe('22012')
    const result = await sql`select 7 as seven`
    expect([result.length, result[0], result[4]]).toEqual([5, undefined, { seven: 7 }])
  })

  const eachWay = Object.entries(unfinished).map(([name, way]) => ({ name, way }))
  test.each(eachWay)('leaves the next result whole: $name', async ({ way }) => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    for (const tenant of [1, 3]) {
      await failureOf(asTenant(tenant, async () => await way(sql)))
      const next = await asTenant(tenant + 1, async () => await sql`select 7 as seven`)
      expect([...next]).toEqual([{ seven: 7 }])
      expect(await asTenant(tenant + 1, () => whoseRows(sql))).toEqual([tenant + 1])
    }
  })
})

describe('A callback of a cursor', () => {
  test('that fails after the last batch fails its query, and not the process', async () => {
    const sql = openSql(database.urls.app)
    for (const callback of [fail, async () => fail()]) {
      const reading = asTenant(1, async () => await sql`select generate_series(1, 3)`.cursor(10, callback))
      expect(await failureOf(reading)).toBe(mine)
    }
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('is waited for', async () => {
    const sql = openSql(database.urls.app)
    const seen: number[] = []
    await asTenant(1, async () =>
      sql`select generate_series(1, 3) as n`.cursor(2, async (rows) => {
        await setTimeout(5)
        seen.push(...rows.map(({ n }) => n as number))
      }),
    )
    expect(seen).toEqual([1, 2, 3])
  })
})

describe('The stream of a COPY', () => {
  const MUCH = 'copy (select repeat($$x$$, 1000) from generate_series(1, 100000)) to stdout'

  test('in postgres.js itself, given up, blocks its connection', async () => {
    const sql = openPlainSql(database.urls.superuser)
    const rows = await sql.unsafe(MUCH).readable()
    for await (const _chunk of rows) break
    let answered = false
    const next = sql`select 1`.then(
      () => (answered = true),
      () => {},
    )
    // Until the server can write no more of it.
    for (;;) {
      const waiting = await database.query(
        `select 1 from pg_stat_activity where query like 'copy (select repeat%' and wait_event = 'ClientWrite'`,
      )
      if (waiting.length > 0) break
    }
    expect(answered).toBe(false)
    await sql.end({ timeout: 0 })
    await next
  })

  test('given up frees its place, wherever it was read', async () => {
    const sql = openSql(database.urls.app)
    const read = async (from: postgres.Sql): Promise<void> => {
      for await (const _chunk of await from.unsafe(MUCH).readable()) break
    }
    await asTenant(1, () => read(sql))
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
    const failing = asTenant(3, () =>
      sql.begin(async (transaction) => {
        await read(transaction as unknown as postgres.Sql)
        return whoseRows(transaction)
      }),
    )
    expect(['CONNECTION_CLOSED', 'CONNECTION_DESTROYED']).toContain(await codeOf(failing))
    expect(await asTenant(4, () => whoseRows(sql))).toEqual([4])
  })

  test('read to its end costs no connection', async () => {
    const sql = openSql(database.urls.app)
    const pid = (): Promise<unknown> =>
      asTenant(1, async () => (await sql`select pg_backend_pid() as pid`)[0]?.['pid'])
    const before = await pid()
    for (let round = 0; round < 20; round += 1) {
      await asTenant(1, async () => {
        const rows = await sql`copy (select name from projects order by name) to stdout`.readable()
        expect(await text(rows)).toBe('project 1\nproject 2\nproject 3\n')
      })
    }
    expect(await pid()).toBe(before)
  })

  test('to the server fails when the server refuses a row', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    const copy = async (rows: string[]): Promise<void> => {
      const into = await sql`copy projects (tenant_id, name) from stdin`.writable()
      await pipeline(Readable.from(rows), into)
    }
    await tenancy.asSystem('a test', async () => {
      expect(await codeOf(copy(['nonsense\n']))).toBe('22P02')
      expect(await codeOf(copy([`${tenantId(1)}\tlost\n`, 'nonsense\n']))).toBe('22P02')
      expect(await sql`select 1 as one from projects where name = 'lost'`).toHaveLength(0)
      await copy([`${tenantId(9)}\tcopied\n`])
      expect(await sql`select 1 as one from projects where name = 'copied'`).toHaveLength(1)
    })
  })
})
