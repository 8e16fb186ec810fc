import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { asTenant, currentTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { tenancy, tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { openPlainSql, openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

describe('A scoped client in the place of one of postgres.js', () => {
  test('has all of its members', () => {
    const [scoped, plain] = [openSql(database.urls.app), openPlainSql(database.urls.app)]
    expect(Object.keys(scoped).sort()).toEqual([...Object.keys(plain), 'tenancy', 'verify'].sort())
    expect(scoped.PostgresError).toBe(postgres.PostgresError)
    expect(scoped.options.host).toEqual(plain.options.host)
  })

  test('names its tenancy, which nobody can put another in the place of', () => {
    const sql = openSql(database.urls.app)
    expect(sql.tenancy).toBe(tenancy)
    expect(() => Object.assign(sql, { tenancy: undefined })).toThrow(TypeError)
  })

  test('takes helpers, fragments and parameters', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      const where = (name: string) => sql`where name = ${name}`
      const [made] =
        await sql`insert into projects ${sql({ name: 'new', status: 'open' })} returning name, status`
      expect(made).toEqual({ name: 'new', status: 'open' })
      await sql`insert into projects ${sql([{ name: 'x' }, { name: 'y' }], 'name')}`
      await sql`update projects set ${sql({ status: 'done' }, 'status')} ${where('new')}`
      expect(
        await sql`select ${sql('name')}, ${sql(['status'])} from ${sql('projects')} ${where('new')}`,
      ).toEqual([{ name: 'new', status: 'done' }])
      expect(await sql`select count(*)::int from projects where name in ${sql(['x', 'y', 'z'])}`).toEqual([
        { count: 2 },
      ])
      expect(
        await sql`select ${sql.array([1, 2])}::int[] as a, ${sql.json({ b: 1 })}::json as b, ${sql.typed('5', 20)} as c`,
      ).toEqual([{ a: [1, 2], b: { b: 1 }, c: '5' }])
      await sql`delete from projects where name in ${sql(['new', 'x', 'y'])}`
    })
  })

  test('gives results in every form', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      const result = await sql`select name from projects order by name`
      expect([result.command, result.count, result.columns.map(({ name }) => name)]).toEqual([
        'SELECT',
        3,
        ['name'],
      ])
      expect(await sql`select 1 as a, 2 as b`.values()).toEqual([[1, 2]])
      expect(await sql`select 'a' as a`.raw()).toEqual([[Buffer.from('a')]])
      const description = await sql`select name from projects where name = ${'x'}`.describe()
      expect([description.types, description.columns.map(({ name }) => name)]).toEqual([[25], ['name']])
      const seen: unknown[] = []
      await sql`select generate_series(1, 3) as n`.forEach((row) => void seen.push(row))
      await sql`select generate_series(4, 6) as n`.cursor(2, (rows) => void seen.push(...rows))
      for await (const [row] of sql`select generate_series(7, 8) as n`.cursor()) seen.push(row)
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ n })))
      await sql`select generate_series(1, 9) as n`.cursor(2, () => sql.CLOSE)
      expect(await whoseRows(sql)).toEqual([1])
    })
  })

  test('copies out the rows of its tenant, and in where PostgreSQL allows it', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    const copied = await asTenant(1, async () =>
      text(await sql`copy (select tenant_id from projects) to stdout`.readable()),
    )
    expect(copied).toBe(`${tenantId(1)}\n`.repeat(3))
    await tenancy.asSystem('a test', async () => {
      const into = await sql`copy projects (tenant_id, name) from stdin`.writable()
      await pipeline(Readable.from([`${tenantId(7)}\tcopied\n`]), into)
      expect(await sql`select name from projects where name = 'copied'`).toHaveLength(1)
    })
    expect(
      await asTenant(7, async () => await sql`select name from projects where name = 'copied'`),
    ).toHaveLength(1)
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
  })

  test('has the types and transformations of its options', async () => {
    const sql = openSql(database.urls.app, {
      transform: postgres.camel,
      system: { url: database.urls.system },
      types: {
        upper: {
          to: 25,
          from: [25],
          serialize: (value: string) => value,
          parse: (raw: string) => raw.toUpperCase(),
        },
      },
    })
    const ask = async () => [...(await sql`select 'text'::text as some_text, ${[1, 2]}::int[] as some_array`)]
    const askAgain = async () => [...(await sql`select 'text'::text as some_text`)]
    expect(await asTenant(1, ask)).toEqual([{ someText: 'TEXT', someArray: [1, 2] }])
    expect(await tenancy.asSystem('a test', ask)).toEqual([{ someText: 'TEXT', someArray: [1, 2] }])
    // As Drizzle does.
    sql.options.parsers[25] = (raw: string) => `parsed ${raw}`
    expect(await asTenant(1, askAgain)).toEqual([{ someText: 'parsed text' }])
    expect(await tenancy.asSystem('a test', askAgain)).toEqual([{ someText: 'parsed text' }])
  })

  test('prepares the statements again whose plans are stale', async () => {
    const sql = openSql(database.urls.app)
    await database.query(
      'create table changing (a int); insert into changing values (1); grant select on changing to public',
    )
    const ask = (tenant: number) => asTenant(tenant, async () => [...(await sql`select * from changing`)])
    expect(await ask(1)).toEqual([{ a: 1 }])
    await database.query('alter table changing add b int')
    expect(await Promise.all([ask(1), ask(2), asTenant(3, () => whoseRows(sql))])).toEqual([
      [{ a: 1, b: null }],
      [{ a: 1, b: null }],
      [3],
    ])
  })
})

describe('Notifications', () => {
  test('are heard in the context of whoever listens, until no more', async () => {
    const sql = openSql(database.urls.app)
    const heard: unknown[] = []
    let hear = (): void => {}
    const once = (): Promise<void> => new Promise((resolve) => (hear = resolve))
    const listening = await asTenant(1, () =>
      sql.listen('news', (payload) => {
        heard.push([payload, currentTenant()])
        hear()
      }),
    )
    let next = once()
    await asTenant(2, () => sql.notify('news', 'first'))
    await next
    expect(heard).toEqual([['first', 1]])
    await listening.unlisten()
    const again = await sql.listen('news', (payload) => {
      heard.push([payload, currentTenant()])
      hear()
    })
    next = once()
    await asTenant(2, () => sql.notify('news', 'second'))
    await next
    expect(heard).toEqual([
      ['first', 1],
      ['second', undefined],
    ])
    await again.unlisten()
  })
})

describe('What cannot be scoped', () => {
  test('is refused', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    expect(await asTenant(1, () => codeOf(sql.subscribe('*', () => {})))).toBe('SYSTEM_POOL_REQUIRED')
    expect(await codeOf(sql.subscribe('*', () => {}))).toBe('SYSTEM_POOL_REQUIRED')
    expect(await asTenant(1, () => codeOf(sql.largeObject()))).toBe('UNSUPPORTED_DRIVER')
  })
})

describe('The end', () => {
  test('waits for what has been asked before, and refuses what comes after', async () => {
    const sql = openSql(database.urls.app)
    const asked = asTenant(1, () =>
      Promise.all([
        sql`select 1 as n`.execute(),
        sql.begin((transaction) => transaction`select 2 as n`),
        sql`select 3 as n`.execute(),
      ]),
    )
    const ended = sql.end()
    expect(await asTenant(1, () => codeOf(whoseRows(sql)))).toBe('CONNECTION_ENDED')
    expect(await asTenant(1, () => codeOf(sql.reserve()))).toBe('CONNECTION_ENDED')
    await ended
    expect(await asked).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  })

  test('with a timeout destroys what is still under way', async () => {
    const sql = openSql(database.urls.app)
    const running = asTenant(1, () => codeOf(sql`select pg_sleep(60)`.execute()))
    const waiting = asTenant(2, () => codeOf(sql`select 1`.execute()))
    await new Promise(setImmediate)
    const reserving = asTenant(3, () => codeOf(sql.reserve()))
    await sql.end({ timeout: 0.1 })
    expect(await running).toBe('CONNECTION_DESTROYED')
    expect(await Promise.all([waiting, reserving])).toEqual(['CONNECTION_ENDED', 'CONNECTION_ENDED'])
  })

  test('of a connection that has lived or idled for long enough costs no query', async () => {
    const sql = openSql(database.urls.app, { max: 2, max_lifetime: 0.02, idle_timeout: 0.01 })
    for (let round = 0; round < 50; round += 1) {
      const seen = await Promise.all([1, 2, 3, 4].map((tenant) => asTenant(tenant, () => whoseRows(sql))))
      expect(seen).toEqual([[1], [2], [3], [4]])
    }
  })
})
