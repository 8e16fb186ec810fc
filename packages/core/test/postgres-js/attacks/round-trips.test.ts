import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { WireTap } from '../../pg/support/wire-tap.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

describe('The round trips', () => {
  for (const prepare of [true, false]) {
    test(`of a scoped query are one, warm, with prepare: ${prepare}`, async () => {
      const tap = await WireTap.open(database.urls.app)
      const sql = openSql(tap.url, { prepare })
      const ask = (tenant: number) =>
        asTenant(tenant, async () => {
          const rows = await sql`select name from projects where ${tenant}::int > 0`
          expect(rows).toHaveLength(3)
        })
      await ask(1)
      await asTenant(1, () => whoseRows(sql))
      for (const tenant of [2, 3]) {
        tap.takeFlights()
        await ask(tenant)
        // Unprepared, postgres.js asks for the types of the values first, scoped or not.
        expect(tap.takeFlights()).toHaveLength(prepare ? 1 : 2)
        await asTenant(tenant, () => whoseRows(sql))
        expect(tap.takeFlights()).toHaveLength(1)
        await asTenant(tenant, () => sql.unsafe('select 1'))
        expect(tap.takeFlights()).toHaveLength(1)
        await asTenant(tenant, () => sql.unsafe('select 1; select 2'))
        expect(tap.takeFlights()).toHaveLength(1)
      }
    })
  }

  test('of a transaction are those of its statements; reserving takes none', async () => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url)
    await asTenant(1, () => whoseRows(sql))
    tap.takeFlights()
    await asTenant(2, () => sql.begin((transaction) => whoseRows(transaction)))
    expect(tap.takeFlights()).toHaveLength(3)
    await asTenant(3, async () => {
      const reserved = await sql.reserve()
      expect(tap.takeFlights()).toEqual([])
      await whoseRows(reserved)
      reserved.release()
    })
    expect(tap.takeFlights()).toHaveLength(1)
  })
})
