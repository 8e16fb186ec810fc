import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { killBackends } from '../../pg/support/backends.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()
const file = fileURLToPath(new URL('../support/whose-rows.sql', import.meta.url))

describe('What postgres.js documents works for a tenant', () => {
  test('describing, copying, reading files and with cursors inside a transaction', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, () =>
      sql.begin(async (transaction) => {
        const { types } = await transaction`select name from projects where id = ${tenantId(1)}`.describe()
        expect(types).toEqual([2950])
        const copied = await transaction`copy (select tenant_id from projects) to stdout`.readable()
        expect(await text(copied)).toBe(`${tenantId(1)}\n`.repeat(3))
        expect(await transaction.file(file)).toEqual([{ tenant: tenantId(1) }])
        const batches: number[] = []
        await transaction`select 1 from projects`.cursor(2, (rows) => void batches.push(rows.length))
        expect(batches).toEqual([2, 1])
        expect(await whoseRows(transaction)).toEqual([1])
      }),
    )
  })

  test('rows for another tenant are refused, however they are written', async () => {
    const sql = openSql(database.urls.app)
    const other = { name: 'smuggled', tenant_id: tenantId(2) }
    await asTenant(1, async () => {
      const values = [['project 1', 'one']] as unknown as string[]
      const updated = await sql`
        update projects set status = given.status from (values ${sql(values)}) as given (name, status)
        where projects.name = given.name returning tenant_id as tenant`
      expect(updated).toEqual([{ tenant: tenantId(1) }])
      expect(await codeOf(sql`insert into projects ${sql(other)}`)).toBe('42501')
      expect(await codeOf(sql`insert into projects ${sql([other, other])}`)).toBe('42501')
      expect(await codeOf(sql`update projects set ${sql(other, 'tenant_id')}`)).toBe('42501')
    })
  })

  test('transformations, and what stands for undefined', async () => {
    const sql = openSql(database.urls.app, {
      transform: { undefined: null, column: (name: string) => name.toUpperCase() },
    })
    const rows = await asTenant(1, async () => await sql`select ${undefined as never}::text as nothing`)
    expect(rows).toEqual([{ NOTHING: null }])
  })

  test('a password that is asked for, and a socket of its own', async () => {
    const { username: user, password, hostname, port, pathname } = new URL(database.urls.app)
    let opened = 0
    const sql = openSql(`postgres://${hostname}:${port}${pathname}`, {
      user,
      password: async () => decodeURIComponent(password),
      socket: async ({ host, port: ports }: { host: string[]; port: number[] }) => {
        opened += 1
        const socket = connect(ports[0] ?? 0, host[0])
        await once(socket, 'connect')
        return socket
      },
    })
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
    expect(opened).toBe(1)
    const tunnel = new Error('no tunnel')
    const without = openSql(database.urls.app, { socket: () => Promise.reject(tunnel) })
    expect(await asTenant(1, () => failureOf(whoseRows(without)))).toBe(tunnel)
  })

  test('what it says to debug, of the query and not of the prelude', async () => {
    const seen: unknown[] = []
    const sql = openSql(database.urls.app, {
      fetch_types: false,
      debug: (_connection: number, query: string, values: unknown[]) => seen.push([query, values]),
    })
    const failing = asTenant(1, async () => await sql`select 1 / ${0}::int`)
    expect(await failureOf(failing)).toMatchObject({ query: 'select 1 / $1::int', parameters: ['0'] })
    expect(seen).toEqual([['select 1 / $1::int', ['0']]])
  })

  test('listening again after its connection is lost', async () => {
    const sql = openSql(database.urls.app)
    let listens = (): void => {}
    let hears = (_payload: string): void => {}
    const listening = (): Promise<void> => new Promise((resolve) => (listens = resolve))
    const first = listening()
    const { state } = await sql.listen(
      'news',
      (payload) => hears(payload),
      () => listens(),
    )
    await first
    const again = listening()
    await killBackends(database, (state as { pid: number }).pid)
    await again
    const heard = new Promise<string>((resolve) => (hears = resolve))
    await asTenant(1, () => sql.begin((transaction) => transaction.notify('news', 'told')))
    expect(await heard).toBe('told')
  })
})

describe('The end with a timeout', () => {
  const works: Record<string, (sql: ReturnType<typeof openSql>) => Promise<unknown>> = {
    transaction: (sql) => sql.begin((transaction) => transaction`select pg_sleep(60)`),
    'reserved connection': async (sql) => {
      const reserved = await sql.reserve()
      await reserved`select pg_sleep(60)`
    },
    'cursor waiting for the server': (sql) => sql`select pg_sleep(60)`.cursor(1, () => {}),
    'copy that is not read': async (sql) => {
      const rows =
        await sql`copy (select repeat('x', 1000) from generate_series(1, 100000)) to stdout`.readable()
      await once(rows, 'close')
    },
  }

  for (const [name, work] of Object.entries(works)) {
    test(`does not wait for a ${name}`, async () => {
      const sql = openSql(database.urls.app)
      const working = asTenant(1, () => codeOf(work(sql)))
      await asTenant(2, () => codeOf(openSql(database.urls.app)`select 1`))
      await sql.end({ timeout: 0.1 })
      expect(await working).toBe('CONNECTION_DESTROYED')
    })
  }
})
