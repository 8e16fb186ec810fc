import pg from 'pg'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { killBackends } from '../../pg/support/backends.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { TamperingProxy } from '../support/tampering-proxy.ts'
import { backendOf, openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

// In postgres.js itself the next query may fail too, with the error of the one before.
describe('A backend that is killed', () => {
  test('fails what it works on, with its own words, and the next query is right', async () => {
    const sql = openSql(database.urls.app)
    for (const tenant of [1, 2, 3]) {
      const pid = await asTenant(tenant, () => backendOf(sql))
      const running = asTenant(tenant, () => codeOf(Promise.resolve(sql`select pg_sleep(60)`)))
      const waiting = asTenant(tenant + 10, () => whoseRows(sql))
      await killBackends(database, pid)
      expect(await running).toBe('57P01')
      expect(await waiting).toEqual([tenant + 10])
    }
  })

  // Whenever the reader comes back for more: as its connection goes, what postgres.js had yet to write stopped the next one.
  test('between two batches of a cursor, fails the reading and not what comes after', async () => {
    const sql = openSql(database.urls.app)
    const superuser = new pg.Client({ connectionString: database.urls.superuser })
    await superuser.connect()
    for (let round = 0; round < 100; round += 1) {
      const reading = asTenant(1, async () => {
        const rows = sql`select n, pg_backend_pid() as pid from generate_series(1, 100000) as n`.cursor(1)
        for await (const [row] of rows) {
          if (row?.['n'] === 3) {
            await superuser.query('select pg_terminate_backend($1)', [row['pid']])
            await setTimeout((round % 20) / 5)
          }
        }
      })
      expect(['57P01', 'CONNECTION_CLOSED']).toContain(await codeOf(reading))
      expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
    }
    await superuser.end()
  })

  test('with a statement that is described first, or has a cursor, does not spoil the next connection', async () => {
    const sql = openSql(database.urls.app)
    for (const round of [1, 2, 3]) {
      const pid = await asTenant(1, () => backendOf(sql))
      const running = asTenant(1, async () => {
        const query = sql`select pg_sleep(${60}), ${round}::int as ${sql(`round_${round}`)}`
        return codeOf(round === 2 ? query.cursor(1, () => {}) : Promise.resolve(query))
      })
      await killBackends(database, pid)
      expect(['57P01', 'CONNECTION_CLOSED']).toContain(await running)
      expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
    }
  })

  test('while others wait to reserve is replaced for all of them', async () => {
    const sql = openSql(database.urls.app, { max: 2 })
    const holders = await asTenant(1, () => Promise.all([sql.reserve(), sql.reserve()]))
    const pids = await asTenant(1, () => Promise.all(holders.map((holder) => backendOf(holder))))
    const waiting = [3, 4, 5, 6].map((tenant) =>
      asTenant(tenant, async () => {
        const reserved = await sql.reserve()
        const rows = await whoseRows(reserved)
        reserved.release()
        return rows
      }),
    )
    await killBackends(database, ...pids)
    expect(await Promise.all(waiting)).toEqual([[3], [4], [5], [6]])
    for (const holder of holders) {
      expect(await asTenant(1, () => codeOf(whoseRows(holder)))).toBe('CONNECTION_CLOSED')
      holder.release()
    }
    expect(await asTenant(2, () => sql.begin((transaction) => whoseRows(transaction)))).toEqual([2])
  })

  test('in a transaction fails it, and its end reaches nobody else', async () => {
    const sql = openSql(database.urls.app)
    const outcome = asTenant(1, () =>
      codeOf(
        sql.begin(async (transaction) => {
          await transaction`insert into projects (name) values ('lost')`
          await killBackends(database, await backendOf(transaction))
          const other = asTenant(2, () => sql`insert into projects (name) values ('kept')`)
          await codeOf(Promise.resolve(transaction`select 1`))
          await codeOf(Promise.resolve(transaction`select 2`))
          expect(await codeOf(other)).toBeUndefined()
        }),
      ),
    )
    expect(['57P01', 'CONNECTION_CLOSED']).toContain(await outcome)
    expect(
      await asTenant(2, async () => await sql`select name from projects where name = 'kept'`),
    ).toHaveLength(1)
  })
})

describe('A connection that cannot be opened', () => {
  test('fails its query alone, and those that reserve or begin', async () => {
    const url = new URL(database.urls.app)
    url.password = 'wrong'
    const sql = openSql(url.href, { max: 2 })
    const codes = await asTenant(1, () =>
      Promise.all([
        ...Array.from({ length: 5 }, () => codeOf(Promise.resolve(sql`select 1`))),
        ...Array.from({ length: 3 }, () => codeOf(sql.reserve())),
        codeOf(sql.begin(() => {})),
      ]),
    )
    expect(new Set(codes)).toEqual(new Set(['28P01']))
  })

  test('to a port where nobody listens fails with ECONNREFUSED', async () => {
    const url = new URL(database.urls.app)
    url.port = '1'
    const sql = openSql(url.href)
    expect(await asTenant(1, () => codeOf(Promise.resolve(sql`select 1`)))).toBe('ECONNREFUSED')
    expect(await asTenant(1, () => codeOf(sql.reserve()))).toBe('ECONNREFUSED')
  })
})

describe('Answers that do not fit', () => {
  const echo = (tenant: string): Buffer => Buffer.from(tenant)

  test('an echo of another tenant destroys the connection', async () => {
    const one = '00000000-0000-4000-8000-000000000001'
    const proxy = await TamperingProxy.open(database.urls.app, (chunk) => {
      const at = chunk.indexOf(echo(one))
      if (at !== -1) chunk.write('00000000-0000-4000-8000-000000000002', at)
      return [chunk]
    })
    const sql = openSql(proxy.url)
    expect(await asTenant(1, () => codeOf(Promise.resolve(sql`select name from projects`)))).toBe(
      'CONNECTION_DESYNCHRONISED',
    )
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('an answer too many destroys the connection', async () => {
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
    let extra = 0
    const proxy = await TamperingProxy.open(database.urls.app, (chunk) =>
      chunk.includes('surplus') && (extra += 1) === 1 ? [chunk, ready] : [chunk],
    )
    const sql = openSql(proxy.url, { max: 1 })
    await asTenant(1, () => codeOf(Promise.resolve(sql.unsafe(`select 'surplus' as word`))))
    const seen = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => asTenant(index + 1, () => whoseRows(sql))),
    )
    const right = seen.map((answer, index) =>
      answer.status === 'fulfilled'
        ? answer.value.join() === String(index + 1)
        : (answer.reason as { code?: string }).code === 'CONNECTION_DESYNCHRONISED',
    )
    expect(right).toEqual(seen.map(() => true))
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('a network that cuts everything into single bytes changes nothing', async () => {
    const proxy = await TamperingProxy.open(database.urls.app, (chunk) =>
      Array.from(chunk, (_, index) => chunk.subarray(index, index + 1)),
    )
    const sql = openSql(proxy.url, { max: 2 })
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, index) => asTenant(index + 1, () => whoseRows(sql))),
    )
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => [index + 1]))
  })

  test('large answers come whole', async () => {
    const sql = openSql(database.urls.app)
    const [row] = await asTenant(1, async () => await sql`select repeat('x', 3000000) as large`)
    expect(row?.['large']).toHaveLength(3_000_000)
    const rows = await asTenant(1, async () => await sql`select generate_series(1, 20000) as n`)
    expect(rows.at(-1)).toEqual({ n: 20_000 })
  })
})
