import { describe, expect, test } from 'vitest'
import { openPool } from '../support/open-pool.ts'
import { preparedOn } from '../support/prepared-on.ts'
import { inTenant, PROJECTS, tenancy, tenantId, TENANTS } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const OWN = 'select tenant_id as tenant, name from projects where name like $1 order by name'
const rowsOf = (number: number) =>
  Array.from({ length: PROJECTS }, (_, index) => ({
    tenant: tenantId(number),
    name: `project ${index + 1}`,
  }))

describe('with prepare, one statement', () => {
  test('gives each of hundreds of tenants its own rows, at once, on a few connections', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 3, prepare: true })
    await Promise.all(
      Array.from({ length: 3 * TENANTS }, async (_, index) => {
        const number = (index % TENANTS) + 1
        const { rows } = await inTenant(number, () => pool.query(OWN, ['project%']))
        expect(rows).toEqual(rowsOf(number))
      }),
    )
  })

  test('stays per tenant with a generic plan', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
    const read = async (number: number) => {
      const { rows } = await inTenant(number, () => pool.query(OWN, ['project%']))
      expect(rows).toEqual(rowsOf(number))
    }
    for (let use = 0; use < 12; use += 1) await read(1)
    await inTenant(1, () => preparedOn(pool))
    const { rows } = await inTenant(1, () =>
      pool.query('select generic_plans::int as generic from pg_prepared_statements where statement = $1', [
        OWN,
      ]),
    )
    expect((rows as { generic: number }[])[0]?.generic).toBeGreaterThan(0)
    for (const number of [2, 3, 1, TENANTS, 2]) await read(number)
    expect((await tenancy.withoutTenant(() => pool.query(OWN, ['project%']))).rows).toEqual([])
    await read(4)
  })

  test('writes for its own tenant only, with generic plans too', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
    for (let round = 0; round < 8; round += 1) {
      for (const number of [11, 12]) {
        await inTenant(number, async () => {
          await pool.query('insert into projects (name) values ($1)', [`note of ${number}`])
          const { rowCount } = await pool.query('update projects set status = $1 where name like $2', [
            'seen',
            'note%',
          ])
          expect(rowCount).toBe(round + 1)
        })
      }
    }
    const rows = await database.query(
      "select tenant_id, name, count(*)::int from projects where name like 'note%' group by 1, 2 order by 1",
    )
    expect(rows).toEqual(
      [11, 12].map((number) => ({ tenant_id: tenantId(number), name: `note of ${number}`, count: 8 })),
    )
  })

  test('sees everything in the system scope, and nothing of that in the next', async () => {
    const pool = openPool({
      connectionString: database.urls.app,
      system: { connectionString: database.urls.system },
      max: 1,
      prepare: true,
    })
    const count = 'select count(distinct tenant_id)::int as tenants from projects'
    for (let round = 0; round < 8; round += 1) {
      const seen = await tenancy.asSystem('a test', () => pool.query(count))
      expect(seen.rows).toEqual([{ tenants: TENANTS }])
      expect((await inTenant(1, () => pool.query(count))).rows).toEqual([{ tenants: 1 }])
      expect((await tenancy.withoutTenant(() => pool.query(count))).rows).toEqual([{ tenants: 0 }])
    }
  })

  test('sends a change of the other settings with it', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
    const text = "select current_setting('app.current_user_id', true) as user"
    for (let round = 0; round < 8; round += 1) {
      for (const userId of ['u1', 'u2', '']) {
        const { rows } = await tenancy.run({ tenantId: tenantId(1), ...(userId && { userId }) }, () =>
          pool.query(text),
        )
        expect(rows).toEqual([{ user: userId }])
      }
    }
  })
})
