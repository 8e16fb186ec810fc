import { describe, expect, test } from 'vitest'
import type { PrepareDisabledEvent, TenantPool } from '../../../src/pg/index.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { listenTo } from '../support/listen.ts'
import { openPool } from '../support/open-pool.ts'
import { preparedOn, userStatementsOn } from '../support/prepared-on.ts'
import { clientsOf, rawQuery } from '../support/raw-query.ts'
import { inTenant } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const TEXT = 'select name from projects order by name'
const ROWS = [1, 2, 3].map((number) => ({ name: `project ${number}` }))

/** A pool of one connection on which the text is prepared. */
async function openUsed(): Promise<TenantPool> {
  const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
  for (let use = 0; use < 3; use += 1) await pool.query(TEXT)
  expect(await userStatementsOn(pool)).toEqual([TEXT])
  return pool
}

describe('with prepare, the application itself', () => {
  test.each([
    ['DEALLOCATE ALL', 'deallocate all'],
    ['DISCARD ALL', 'discard all'],
    ['DEALLOCATE of a name of its own', 'deallocate mine'],
    ['DEALLOCATE ALL among others', 'deallocate all; select 1'],
    ['DISCARD PLANS', 'discard plans'],
    ['DISCARD TEMP', 'discard temp'],
    ['RESET ALL', 'reset all'],
  ])('may send %s, and goes on as before', (_title, text) =>
    inTenant(1, async () => {
      const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
      const pool = await openUsed()
      await pool.query('prepare mine as select 1')
      await pool.query(text)
      for (let use = 0; use < 4; use += 1) expect((await pool.query(TEXT)).rows).toEqual(ROWS)
      expect(events).toEqual([])
      expect(await userStatementsOn(pool)).toContain(TEXT)
      await expectWhole(pool)
    }),
  )

  test.each([
    ['the prelude', 0],
    ['a statement', 1],
  ])('may deallocate the name of %s, and goes on as before', (_whose, index) =>
    inTenant(1, async () => {
      const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
      const pool = await openUsed()
      await pool.query(`deallocate "${(await preparedOn(pool))[index]?.name}"`)
      for (let use = 0; use < 4; use += 1) expect((await pool.query(TEXT)).rows).toEqual(ROWS)
      expect(events).toEqual([])
      expect(await userStatementsOn(pool)).toContain(TEXT)
    }),
  )

  test('may send DEALLOCATE ALL in a transaction, and goes on in it', () =>
    inTenant(2, async () => {
      const pool = await openUsed()
      await pool.transaction(async (client) => {
        expect((await client.query(TEXT)).rows).toEqual(ROWS)
        await client.query('deallocate all')
        expect((await client.query(TEXT)).rows).toEqual(ROWS)
        await client.query('savepoint s')
        await client.query('deallocate all')
        // What is deallocated stays so, whatever becomes of the transaction.
        await client.query('rollback to savepoint s')
        expect((await client.query(TEXT)).rows).toEqual(ROWS)
      })
      await expectWhole(pool)
    }))
})

describe('with prepare, when names are lost behind its back', () => {
  /** Deallocates in a way that no command tag tells of. */
  const deallocate = "do $$ begin execute 'deallocate all'; end $$"

  test('a statement is sent again without a name, naming stops for the whole pool, and that is announced once', () =>
    inTenant(3, async () => {
      const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
      const pool = openPool({ connectionString: database.urls.app, max: 3, prepare: true })
      const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
      for (const client of clients) {
        for (let use = 0; use < 3; use += 1) await client.query(TEXT)
        await client.query(deallocate)
      }
      // All at once: each is in flight before the first one fails.
      const results = await Promise.all(clients.map((client) => client.query(TEXT)))
      for (const { rows } of results) expect(rows).toEqual(ROWS)
      for (const client of clients) {
        for (let use = 0; use < 3; use += 1) expect((await client.query(TEXT)).rows).toEqual(ROWS)
        client.release()
      }
      expect(events).toHaveLength(1)
      expect(events[0]?.cause).toMatchObject({ code: '26000' })
      await expectWhole(pool)
    }))

  test('naming does not start again on new connections', () =>
    inTenant(4, async () => {
      const pool = await openUsed()
      await pool.query(deallocate)
      expect((await pool.query(TEXT)).rows).toEqual(ROWS)
      ;(await pool.connect()).release(true)
      for (let use = 0; use < 4; use += 1) expect((await pool.query(TEXT)).rows).toEqual(ROWS)
      expect(await preparedOn(pool)).toEqual([])
    }))

  test('a write is not written twice', () =>
    inTenant(5, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
      const write = "insert into projects (name) values ('once')"
      for (let use = 0; use < 3; use += 1) await pool.query(write)
      await pool.query(deallocate)
      expect((await pool.query(write)).rowCount).toBe(1)
      const { rows } = await pool.query("select count(*)::int from projects where name = 'once'")
      expect(rows).toEqual([{ count: 4 }])
    }))

  test('in a transaction the error is passed on, and the next transaction works', () =>
    inTenant(6, async () => {
      const pool = await openUsed()
      const failing = pool.transaction(async (client) => {
        await client.query("insert into projects (name) values ('lost')")
        await client.query(deallocate)
        await client.query(TEXT)
      })
      expect(await failureOf(failing)).toMatchObject({ code: '26000' })
      const { rows } = await pool.transaction((client) => client.query(TEXT))
      expect(rows).toEqual(ROWS)
      await expectWhole(pool)
    }))

  test('another pool goes on naming', () =>
    inTenant(7, async () => {
      const [lost, other] = [await openUsed(), await openUsed()]
      await lost.query(deallocate)
      await lost.query(TEXT)
      await other.query(TEXT)
      expect(await userStatementsOn(other)).toContain(TEXT)
      expect(await userStatementsOn(lost)).toEqual([])
    }))

  test('a name that somebody took before is not executed: naming stops', () =>
    inTenant(8, async () => {
      for (const { name: taken } of await preparedOn(await openUsed())) {
        const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
        const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
        const opened = clientsOf(pool)
        const client = await pool.connect()
        for (const connection of opened) {
          await rawQuery(connection, `prepare "${taken}" as select 'of somebody else' as name`)
        }
        for (let use = 0; use < 4; use += 1) expect((await client.query(TEXT)).rows).toEqual(ROWS)
        client.release()
        expect(events.map(({ cause }) => (cause as { code?: string }).code)).toEqual(['42P05'])
        await expectWhole(pool)
      }
    }))
})
