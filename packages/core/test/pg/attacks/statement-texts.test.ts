import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

async function projects(name: string): Promise<string[]> {
  const rows = await database.query<{ tenant_id: string }>('select tenant_id from projects where name = $1', [
    name,
  ])
  return rows.map(({ tenant_id }) => tenant_id)
}

const resultsOf = (result: unknown): pg.QueryResult[] => result as pg.QueryResult[]

describe('Several statements in one text', () => {
  test('sent by the extended protocol abort the transaction they are in', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      expect(await codeOf(client.query('select 1; select 2'))).toBe('42601')
      expect(await codeOf(client.query(WHOSE_ROWS))).toBe('25P02')
      client.release(true)
    })
  })

  test('are scoped, each of them, on a pool, a client and in a transaction', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const text = `${WHOSE_ROWS}; insert into projects (name) values ('one of several'); ${WHOSE_ROWS}`
    const expectRight = (result: unknown): void => {
      expect(resultsOf(result).map(({ command }) => command)).toEqual(['SELECT', 'INSERT', 'SELECT'])
      expect(resultsOf(result).flatMap((each) => tenantsIn(each))).toEqual([1, 1])
    }
    await asTenant(1, async () => {
      expectRight(await pool.query(text))
      const client = await pool.connect()
      expectRight(await client.query(text))
      const { result } = await callsBack((callback) => client.query(new pg.Query(text, callback as never)))
      expectRight(result)
      await client.query('begin')
      expectRight(await client.query(text))
      expectRight(await client.query(text))
      await client.query('rollback')
      client.release()
    })
    expect(await projects('one of several')).toEqual([1, 1, 1].map(tenantId))
  })

  test("have their errors' positions in the text as it was given", async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const text = `select 'ä€😀'; select nowhere from projects`
    const plain = endAfterTest(new pg.Pool({ connectionString: database.urls.superuser, max: 1 }))
    const expected = await plain
      .query(text)
      .catch((error: unknown) => (error as { position: string }).position)
    await expect(asTenant(1, () => pool.query(text))).rejects.toMatchObject({
      code: '42703',
      position: expected,
    })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      await expect(client.query(text)).rejects.toMatchObject({ position: expected })
      client.release()
    })
    const one = 'select nowhere from projects'
    await expect(asTenant(1, () => pool.query(one))).rejects.toMatchObject({ position: '8' })
  })

  test('cannot be broken out of by a value of the scope', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const evil = `'; select set_config('app.current_tenant_id', '${tenantId(2)}', false); --\\'`
    const result = await tenancy.run({ tenantId: tenantId(1), userId: evil }, () =>
      pool.query(`select current_setting('app.current_user_id') as "user"; ${WHOSE_ROWS}`),
    )
    const [user, rows] = resultsOf(result)
    expect(user?.rows).toEqual([{ user: evil }])
    expect(tenantsIn(rows)).toEqual([1])
  })

  test.each([[';'], ['select 1;'], [' select 1 ; '], ['select 1; -- the end'], [''], ['-- nothing'], [';;']])(
    'that are none or one, %j, are answered as by pg',
    async (text) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const plain = endAfterTest(new pg.Pool({ connectionString: database.urls.superuser, max: 1 }))
      const expected = await plain.query(text)
      const result = await asTenant(1, () => pool.query(text))
      expect([result.command, result.rows]).toEqual([expected.command, expected.rows])
      expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    },
  )
})

describe('Transaction control inside a longer text', () => {
  const insert = `insert into projects (name) values ('after the end')`

  test('ends the settings of a text that has been given a prelude: what follows sees nothing', async () => {
    const plain = endAfterTest(new pg.Pool({ connectionString: database.urls.app, max: 1 }))
    const result = await plain.query(
      `select set_config('app.current_tenant_id', '${tenantId(1)}', true); ${WHOSE_ROWS}; commit; ${WHOSE_ROWS}`,
    )
    const all = resultsOf(result)
    expect(tenantsIn(all[1])).toEqual([1])
    expect(tenantsIn(all[3])).toEqual([])
  })

  const texts = [
    `begin; ${insert}; commit`,
    `${insert}; commit; ${insert}`,
    `copy (select 1) to stdout; commit; ${insert}`,
    `begin; ${insert}; commit; ${insert}`,
    `${insert}; begin`,
    `${insert}; rollback`,
    `${WHOSE_ROWS}; COMMIT AND CHAIN; ${WHOSE_ROWS}`,
    `/* a */ ${insert} /* b */ ; -- c\n /* d */ end`,
    `select 'a;b'; abort`,
    `do $$ begin null; end $$; commit; ${insert}`,
    `select $a$ ; $a$; start transaction`,
    `select "a;b" from (select 1 as "a;b") as t; commit`,
    `select E'\\'; '; commit; ${insert}`,
    `select 1; prepare transaction 'x'`,
    `select 1; savepoint s; select 2`,
    `begin; set local work_mem = 1024; ${insert}; commit`,
  ]

  test.each(texts)('is refused, and nothing of it runs: %j', async (text) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      expect(await codeOf(pool.query(text))).toBe('TRANSACTION_CONTROL_REFUSED')
      const client = await pool.connect()
      expect(await codeOf(client.query(text))).toBe('TRANSACTION_CONTROL_REFUSED')
      expect(await codeOf(client.query({ text }))).toBe('TRANSACTION_CONTROL_REFUSED')
      const { error } = await callsBack((callback) => client.query(new pg.Query(text, callback as never)))
      expect(error?.code).toBe('TRANSACTION_CONTROL_REFUSED')
      client.release()
    })
    expect(await codeOf(tenancy.withoutTenant(() => pool.query(text)))).toBe('TRANSACTION_CONTROL_REFUSED')
    expect(await projects('after the end')).toEqual([])
    expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
  })

  test.each([
    [`select 'begin; commit'`],
    [`select $$; commit; $$`],
    [`select $tag$; $$ commit; $tag$; select 1`],
    [`select 1 as "commit; begin"; select 2`],
    [`/* ; commit /* nested ; */ ; */ select 1`],
    [`select 1 -- ; commit\n; select 2`],
    [`select e'\\'; commit; \\''`],
    [`select 'it''s; commit; '`],
  ])('is not seen where there is none: %j', async (text) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    expect(await codeOf(asTenant(1, () => pool.query(text)))).toBeUndefined()
  })
})

describe('Transaction control through pool.query', () => {
  test("puts, in a naive pool, another tenant's write into the transaction", async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, () => pool.query('begin'))
    await asTenant(2, () =>
      pool.query(`insert into projects (name) values ('in the transaction of another')`),
    )
    await asTenant(1, () => pool.query('rollback'))
    expect(await projects('in the transaction of another')).toEqual([])
  })

  const texts = [
    'begin',
    'BEGIN;',
    ' begin isolation level serializable',
    'start transaction read only',
    'commit',
    'end',
    'END;',
    'rollback',
    'abort',
    'commit and chain',
    'savepoint s',
    'release savepoint s',
    'release s',
    'rollback to s',
    '-- a comment\nbegin',
    '/* a */ /* b */commit',
    `prepare transaction 'x'`,
    'begin; savepoint s',
    ';begin',
    'commit;;',
  ]

  test.each(texts)('is refused in every form: %j', async (text) => {
    const pool = openPool({
      connectionString: database.urls.app,
      max: 1,
      system: { connectionString: database.urls.system },
    })
    for (const within of [
      <T>(fn: () => Promise<T>) => asTenant(1, fn),
      <T>(fn: () => Promise<T>) => tenancy.withoutTenant(fn) as Promise<T>,
      <T>(fn: () => Promise<T>) => tenancy.asSystem('a test', fn) as Promise<T>,
    ]) {
      await within(async () => {
        expect(await codeOf(pool.query(text))).toBe('TRANSACTION_CONTROL_REFUSED')
        expect(await codeOf(pool.query({ text, values: [] }))).toBe('TRANSACTION_CONTROL_REFUSED')
        expect(await codeOf(pool.query({ name: 'control', text }))).toBe('TRANSACTION_CONTROL_REFUSED')
        const { error } = await callsBack((callback) => pool.query(text, callback))
        expect(error?.code).toBe('TRANSACTION_CONTROL_REFUSED')
        expect(await codeOf(pool.query(new pg.Query(text)) as unknown as Promise<unknown>)).toBe(
          'TRANSACTION_CONTROL_REFUSED',
        )
      })
    }
    // Nothing was sent, so no connection was opened.
    expect(pool.totalCount).toBe(0)
  })
})

describe('A statement that cannot run in a transaction', () => {
  const statements = [
    'vacuum projects',
    'VACUUM (ANALYZE) projects',
    'create index concurrently by_name on projects (name)',
    'reindex index concurrently by_name',
    'reindex table concurrently projects',
    'drop index concurrently by_name',
    'discard all',
    '/* a */ vacuum -- b',
  ]

  test('fails with a prelude ahead of it', async () => {
    const pool = openNaivePool({ connectionString: database.urls.owner, max: 1 })
    for (const text of statements) expect(await codeOf(asTenant(1, () => pool.query(text)))).toBe('25001')
  })

  test('runs without one, on a pool and on a client, and what follows is scoped', async () => {
    const pool = openPool({ connectionString: database.urls.owner, max: 1 })
    for (const text of statements) {
      expect([text, await codeOf(asTenant(1, () => pool.query(text)))]).toEqual([text, undefined])
    }
    await asTenant(1, async () => {
      const client = await pool.connect()
      for (const text of statements) {
        expect([text, await codeOf(client.query(text))]).toEqual([text, undefined])
        const { rows } = await client.query('select tenantry.tenant_id() as tenant')
        expect(rows).toEqual([{ tenant: tenantId(1) }])
      }
      client.release()
    })
  })
})
