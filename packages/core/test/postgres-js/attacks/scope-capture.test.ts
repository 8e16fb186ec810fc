import { AsyncLocalStorage } from 'node:async_hooks'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { asTenant, currentTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { tenancy, tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { WireTap } from '../../pg/support/wire-tap.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()
const outside = AsyncLocalStorage.snapshot()
const WHOSE_ROWS = 'select distinct tenant_id::text as tenant from projects order by 1'
const file = fileURLToPath(new URL('../support/whose-rows.sql', import.meta.url))

type Sql = ReturnType<typeof openSql>

/** Every way to make a query; each is sent when it is awaited. */
const ways: Record<string, (sql: Sql) => PromiseLike<readonly { tenant?: string }[]>> = {
  'sql`…`': (sql) => sql`select distinct tenant_id::text as tenant from projects order by 1`,
  'sql`…` with values': (sql) =>
    sql`select distinct tenant_id::text as tenant from projects where ${1}::int = 1`,
  'sql`…` of fragments': (sql) =>
    sql`select distinct ${sql('tenant_id')}::text as tenant ${sql`from projects`}`,
  'sql`…`.simple()': (sql) => sql`select distinct tenant_id::text as tenant from projects`.simple(),
  'sql.unsafe(text)': (sql) => sql.unsafe(WHOSE_ROWS),
  'sql.unsafe(text, values)': (sql) => sql.unsafe(`${WHOSE_ROWS} limit $1`, [10]),
  'sql.unsafe(text, values, { prepare })': (sql) =>
    sql.unsafe(`${WHOSE_ROWS} limit $1`, [10], { prepare: true }),
  'sql.file(path)': (sql) => sql.file(file),
}
const eachWay = Object.entries(ways).map(([name, way]) => ({ name, way }))

const tenantsOf = (rows: readonly { tenant?: string }[]): number[] =>
  rows.map(({ tenant }) => Number(String(tenant).slice(-12)))

describe('The scope of a query', () => {
  test.each(eachWay)('is that in which it is made, wherever it is awaited: $name', async ({ way }) => {
    const sql = openSql(database.urls.app)
    for (const tenant of [1, 2, 1]) {
      const query = tenancy.run(tenantId(tenant), () => ({ lazy: way(sql) })).lazy
      expect(tenantsOf(await query)).toEqual([tenant])
    }
  })

  test.each(eachWay)('made in one and awaited in another, it is refused: $name', async ({ way }) => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url)
    const { lazy } = tenancy.run(tenantId(1), () => ({ lazy: way(sql) }))
    expect(await asTenant(2, () => codeOf(Promise.resolve(lazy)))).toBe('TENANT_MISMATCH')
    expect(tap.takeFlights()).toEqual([])
  })

  test.each(eachWay)('is that in which it is awaited, if it is made in none: $name', async ({ way }) => {
    const sql = openSql(database.urls.app)
    const query = way(sql)
    expect(tenantsOf(await asTenant(3, async () => await query))).toEqual([3])
  })

  test.each(eachWay)('must be known, or nothing is sent: $name', async ({ way }) => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url)
    expect(await codeOf(Promise.resolve(way(sql)))).toBe('TENANT_REQUIRED')
    expect(tap.takeFlights()).toEqual([])
  })

  test('must be known for everything else that reaches the server', async () => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url)
    const codes = [
      await codeOf(sql.begin((transaction) => transaction`select 1`)),
      await codeOf(sql.reserve()),
      await codeOf(sql.notify('news', 'payload')),
      await codeOf(sql`select 1`.forEach(() => {})),
      await codeOf(sql`select 1`.cursor(() => {})),
      await codeOf(Promise.resolve(sql`select 1`.values())),
      await codeOf(Promise.resolve(sql`select 1`.describe())),
      await codeOf(sql`copy projects to stdout`.readable()),
    ]
    expect(new Set(codes)).toEqual(new Set(['TENANT_REQUIRED']))
    expect(tap.takeFlights()).toEqual([])
  })

  test('includes every setting', async () => {
    const sql = openSql(database.urls.app)
    const scope = (userId: string) => ({ tenantId: tenantId(1), userId })
    const { lazy } = tenancy.run(scope('a'), () => ({
      lazy: sql`select current_setting('app.current_user_id') as "user"`,
    }))
    expect(await tenancy.run(scope('b'), () => codeOf(Promise.resolve(lazy)))).toBe('TENANT_MISMATCH')
    expect(
      await tenancy.run(scope('b'), () => sql`select current_setting('app.current_user_id') as "user"`),
    ).toEqual([{ user: 'b' }])
    expect(
      await asTenant(1, async () => await sql`select current_setting('app.current_user_id') as "user"`),
    ).toEqual([{ user: '' }])
  })

  test('is that of the caller in whatever the query calls back', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(9, async () => await sql`select 1`)
    const heard: (number | undefined)[] = []
    await asTenant(1, async () => {
      await sql`select 1`.forEach(() => void heard.push(currentTenant()))
      await sql`select generate_series(1, 2)`.cursor(1, () => void heard.push(currentTenant()))
      for await (const _rows of sql`select 1`.cursor(1)) heard.push(currentTenant())
      await sql.begin(() => void heard.push(currentTenant()))
      await sql.begin((transaction) => transaction.savepoint(() => void heard.push(currentTenant())))
    })
    expect(heard).toEqual([1, 1, 1, 1, 1, 1])
  })

  test('stays with hundreds of tenants on few connections, in every way, failures among them', async () => {
    const sql = openSql(database.urls.app, { max: 3 })
    const asked = Array.from({ length: 600 }, async (_, index) => {
      const tenant = 1 + (index % 200)
      return asTenant(tenant, async () => {
        if (index % 5 === 4) await codeOf(Promise.resolve(sql`select 1 / ${0}::int`))
        const way = eachWay[index % eachWay.length]?.way as (given: Sql) => PromiseLike<{ tenant?: string }[]>
        if (index % 11 === 0) return [tenant, await sql.begin((transaction) => whoseRows(transaction))]
        return [tenant, tenantsOf(await way(sql))]
      })
    })
    for (const [tenant, rows] of await Promise.all(asked)) expect(rows).toEqual([tenant])
    expect(await outside(() => codeOf(Promise.resolve(sql`select 1`)))).toBe('TENANT_REQUIRED')
  })
})
