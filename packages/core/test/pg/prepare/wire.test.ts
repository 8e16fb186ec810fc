import Cursor from 'pg-cursor'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { TenantPool } from '../../../src/pg/index.ts'
import { nameOfMessage } from '../support/message-names.ts'
import { openPool } from '../support/open-pool.ts'
import { preparedOn, userStatementsOn } from '../support/prepared-on.ts'
import { inTenant, PROJECTS, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'
import { WireTap } from '../support/wire-tap.ts'

const database = useDatabase()

/** A pool of one connection with `prepare`, and what it has sent since it was last asked. */
async function openTapped(): Promise<{ pool: TenantPool; sent: () => string[] }> {
  const tap = await WireTap.open(database.urls.app)
  const pool = openPool({ connectionString: tap.url, max: 1, prepare: true })
  return { pool, sent: () => tap.takeFlights().flat().map(nameOfMessage) }
}

const HASHED = /^tenantry_[0-9a-f]{32}$/
const NAME = /tenantry_[0-9a-f]{32}/

/** Messages with the names of statements replaced by `name`. */
const anonymous = (messages: string[]) => messages.map((message) => message.replace(NAME, 'name'))

describe('with prepare, a statement', () => {
  test('has no name the first time, is parsed and described the second time, and neither from then on', () =>
    inTenant(1, async () => {
      const { pool, sent } = await openTapped()
      // The connection's first statement prepares the prelude.
      await pool.query('select 0 as warm')
      sent()
      const uses: string[][] = []
      for (let use = 0; use < 5; use += 1) {
        const { rows } = await pool.query('select name from projects where name = $1', ['project 1'])
        expect(rows).toEqual([{ name: 'project 1' }])
        uses.push(anonymous(sent()))
      }
      const prelude = ['Bind name', 'Execute']
      const repeated = [...prelude, 'Bind name', 'Execute', 'Sync']
      expect(uses).toEqual([
        [...prelude, 'Parse unnamed', 'Bind unnamed', 'Describe', 'Execute', 'Sync'],
        [...prelude, 'Parse name', 'Bind name', 'Describe', 'Execute', 'Sync'],
        repeated,
        repeated,
        repeated,
      ])
    }))

  test('needs no Describe either if it returns no rows', () =>
    inTenant(2, async () => {
      const { pool, sent } = await openTapped()
      const described: boolean[] = []
      for (let use = 0; use < 4; use += 1) {
        sent()
        const result = await pool.query("update projects set status = 'done' where name = $1", ['project 1'])
        expect([result.rowCount, result.rows, result.fields, result.command]).toEqual([1, [], [], 'UPDATE'])
        described.push(sent().includes('Describe'))
      }
      expect(described).toEqual([true, true, false, false])
    }))

  test('is the same on every connection and in every pool, and another with other types', () =>
    inTenant(3, async () => {
      const first = await openTapped()
      const second = await openTapped()
      const text = 'select $1 as value'
      const names = async (pool: TenantPool) => (await preparedOn(pool)).map(({ name }) => name)
      for (const { pool } of [first, second]) {
        for (let use = 0; use < 2; use += 1) await pool.query(text, ['1'])
      }
      const shared = await names(first.pool)
      expect(shared).toHaveLength(2)
      for (const name of shared) expect(name).toMatch(HASHED)
      expect(await names(second.pool)).toEqual(shared)
      // pg sends the same option for the parameters' types, by number, as it takes for the parsers of the results.
      const types = Object.assign([23], pg.types)
      for (let use = 0; use < 2; use += 1) {
        const { rows, fields } = await second.pool.query({ text, values: ['1'], types })
        expect([rows, fields[0]?.dataTypeID]).toEqual([[{ value: 1 }], 23])
      }
      const typed = await names(second.pool)
      expect(typed).toHaveLength(3)
      expect(typed.slice(0, 2)).toEqual(shared)
    }))

  test('is found again by its second tenant: the name stands for the text, whoever runs it', async () => {
    const { pool, sent } = await openTapped()
    for (const tenant of [1, 2, 3, 4]) {
      sent()
      const { rows } = await inTenant(tenant, () => pool.query('select tenant_id from projects'))
      expect(rows).toEqual(Array.from({ length: PROJECTS }, () => ({ tenant_id: tenantId(tenant) })))
    }
    expect(anonymous(sent())).toEqual(['Bind name', 'Execute', 'Bind name', 'Execute', 'Sync'])
  })

  test('stays without a name if it is no query: DDL, SET, several statements, an empty text', () =>
    inTenant(5, async () => {
      const { pool } = await openTapped()
      const client = await pool.connect()
      for (let use = 0; use < 3; use += 1) {
        await client.query('do $$ begin end $$')
        await client.query('set local work_mem to default')
        await client.query('select 1; select 2')
        await client.query('')
        await client.query('explain select 1')
        await client.query('begin')
        await client.query('commit')
      }
      client.release()
      expect(await userStatementsOn(pool)).toEqual([])
    }))

  test('keeps its own form if it has one: names, portions of rows, pg.Query, cursors', () =>
    inTenant(6, async () => {
      const { pool, sent } = await openTapped()
      const client = await pool.connect()
      const text = 'select name from projects order by name'
      const rows = [1, 2, 3].map((number) => ({ name: `project ${number}` }))
      for (let use = 0; use < 3; use += 1) {
        sent()
        expect((await client.query({ name: 'of the user', text })).rows).toEqual(rows)
        expect(sent()).toContain('Bind of the user')

        const inPortions = client.query({ text, rows: 2 } as unknown as pg.QueryConfig)
        expect((await inPortions).rows).toEqual(rows)
        expect(sent()).toContain('Bind unnamed')

        const query = new pg.Query(text) as unknown as pg.Submittable & NodeJS.EventEmitter
        client.query(query)
        await new Promise((resolve) => query.on('end', resolve))
        expect(sent()).toContain('Bind unnamed')

        const cursor = client.query(new Cursor(text))
        expect(await cursor.read(10)).toEqual(rows)
        await cursor.close()
        expect(sent()).toContain('Bind unnamed')
      }
      client.release()
      expect((await preparedOn(pool)).map(({ name }) => name).filter((name) => !HASHED.test(name))).toEqual([
        'of the user',
      ])
    }))

  test('is parsed again if the prelude ahead of it failed', () =>
    inTenant(7, async () => {
      const { pool, sent } = await openTapped()
      const client = await pool.connect()
      const text = 'select count(*)::int from projects'
      await client.query('select 1')
      await client.query(text)
      // A transaction that has failed skips everything up to the next Sync, the Parse included.
      await client.query('begin')
      await client.query('select 1 / 0').catch(() => {})
      await expect(client.query(text)).rejects.toMatchObject({ code: '25P02' })
      await client.query('rollback')
      sent()
      expect((await client.query(text)).rows).toEqual([{ count: 3 }])
      expect(anonymous(sent()).slice(2)).toEqual(['Parse name', 'Bind name', 'Describe', 'Execute', 'Sync'])
      expect((await client.query(text)).rows).toEqual([{ count: 3 }])
      expect(anonymous(sent()).slice(2)).toEqual(['Bind name', 'Execute', 'Sync'])
      client.release()
    }))

  test('with an error of its own does not come out wrong later', () =>
    inTenant(8, async () => {
      const { pool } = await openTapped()
      const client = await pool.connect()
      for (let use = 0; use < 4; use += 1) {
        await expect(client.query('select 1 / $1::int as result', [0])).rejects.toMatchObject({
          code: '22012',
        })
        expect((await client.query('select 1 / $1::int as result', [1])).rows).toEqual([{ result: 1 }])
        await expect(client.query('select * from no_such_table')).rejects.toMatchObject({
          code: '42P01',
          position: '15',
        })
        await expect(client.query('select from where')).rejects.toMatchObject({
          code: '42601',
          position: '13',
        })
        await expect(client.query('select $1::int', ['x'])).rejects.toMatchObject({ code: '22P02' })
      }
      client.release()
    }))
})

describe('with prepare, a connection', () => {
  test('keeps the hundred statements used last, and closes the others on the server', () =>
    inTenant(9, async () => {
      const { pool } = await openTapped()
      const client = await pool.connect()
      const text = (number: number) => `select ${number} as number`
      for (let number = 1; number <= 150; number += 1) {
        for (let use = 0; use < 2; use += 1) {
          expect((await client.query(text(number))).rows).toEqual([{ number }])
        }
        // Used again and again, the first one stays.
        await client.query(text(1))
      }
      client.release()
      const kept = (await userStatementsOn(pool)).map((statement) => Number(/\d+/.exec(statement)?.[0]))
      expect(kept.toSorted((a, b) => a - b)).toEqual([
        1,
        ...Array.from({ length: 99 }, (_, index) => index + 52),
      ])
    }))

  test('gives right results when statements come and go', () =>
    inTenant(10, async () => {
      const { pool } = await openTapped()
      // 130 texts in three orders on room for a hundred: hits, misses and evictions.
      for (const step of [1, 3, 7, 11]) {
        for (let index = 0; index < 130; index += 1) {
          const number = (index * step) % 130
          const { rows } = await pool.query(
            `select ${number} as number, name from projects where name = $1`,
            ['project 2'],
          )
          expect(rows).toEqual([{ number, name: 'project 2' }])
        }
      }
      expect((await preparedOn(pool)).length).toBeLessThanOrEqual(101)
    }))

  test('closes what it evicts also in a failed transaction and ahead of any kind of statement', () =>
    inTenant(11, async () => {
      const { pool } = await openTapped()
      const client = await pool.connect()
      const use = async (number: number) => {
        for (let round = 0; round < 2; round += 1) await client.query(`select ${number} as number`)
      }
      for (let number = 0; number < 100; number += 1) await use(number)
      await use(100)
      expect((await client.query('select 1 as a; select 2 as b')) as unknown).toHaveLength(2)
      await use(101)
      await client.query('begin')
      await client.query('select 1 / 0').catch(() => {})
      await expect(client.query('select 103 as number')).rejects.toMatchObject({ code: '25P02' })
      await expect(client.query('select 103 as number')).rejects.toMatchObject({ code: '25P02' })
      await client.query('rollback')
      await use(104)
      for (let number = 50; number < 105; number += 1) {
        expect((await client.query(`select ${number} as number`)).rows).toEqual([{ number }])
      }
      client.release()
      expect((await preparedOn(pool)).length).toBeLessThanOrEqual(101)
    }))
})
