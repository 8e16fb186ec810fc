import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS, WHOSE_ROWS_WITH_VALUE } from '../support/as-tenant.ts'
import { codeOf } from '../support/calls-back.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { clientsOf, settingsLeft } from '../support/raw-query.ts'
import { tenancy, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

async function ownersOf(name: string): Promise<string[]> {
  const rows = await database.query<{ tenant_id: string }>('select tenant_id from projects where name = $1', [
    name,
  ])
  return rows.map(({ tenant_id }) => tenant_id)
}

describe('A statement without values', () => {
  const insert = (name: string): string => `insert into projects (name) values ('${name}')`

  test('sent by a naive pool as a simple query behind its prelude leaves the transaction open, from PostgreSQL 18 on', async ({
    skip,
  }) => {
    const [server] = await database.query<{ version: number }>(
      `select current_setting('server_version_num')::int as version`,
    )
    skip((server?.version ?? 0) < 180_000, 'before 18 the simple query commits')
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1, simpleTexts: true })
    const { rowCount } = await asTenant(1, () => pool.query(insert('acknowledged and lost')))
    expect(rowCount).toBe(1)
    await pool.end()
    expect(await ownersOf('acknowledged and lost')).toEqual([])
  })

  test('is committed by its own end, on pool and client', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, () => pool.query(insert('acknowledged')))
    expect(await ownersOf('acknowledged')).toEqual([tenantId(1)])
    await asTenant(2, async () => {
      const client = await pool.connect()
      await client.query({ text: insert('acknowledged by a client') })
      expect(await ownersOf('acknowledged by a client')).toEqual([tenantId(2)])
      await client.query(`${insert('of several')}; ${insert('of several')}`)
      expect(await ownersOf('of several')).toEqual([tenantId(2), tenantId(2)])
      client.release()
    })
  })
})

describe('The prelude in a transaction', () => {
  test.each([
    ['COMMIT AND CHAIN', ['begin', WHOSE_ROWS_WITH_VALUE, 'commit and chain']],
    ['RESET ALL', ['begin', WHOSE_ROWS_WITH_VALUE, 'reset all']],
  ])('is gone, in a naive pool that goes by the status alone, after %s', async (_name, texts) => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1, oncePerTransaction: true })
    await asTenant(1, async () => {
      const client = await pool.connect()
      for (const text of texts) await client.query(text, text.includes('$1') ? [1] : [])
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([])
      await client.query('rollback')
      client.release()
    })
  })

  const ROWS = 'ROWS'
  const FAIL = 'FAIL'

  async function answerTo(client: pg.PoolClient, text: string): Promise<unknown> {
    if (text === FAIL) return codeOf(client.query('select 1 / 0'))
    if (text === ROWS) return tenantsIn(await client.query(WHOSE_ROWS))
    return (await codeOf(client.query(text))) ?? 'done'
  }

  const expectedAnswer = (text: string): unknown => ({ [FAIL]: '22012', [ROWS]: [1] })[text] ?? 'done'

  const sequences: string[][] = [
    ['begin', ROWS, 'commit and chain', ROWS, 'rollback and chain', ROWS, 'commit', ROWS],
    ['begin', 'commit and chain', ROWS, 'end and chain', ROWS, 'abort'],
    ['begin', 'savepoint s', ROWS, 'rollback to s', ROWS, 'release s', ROWS, 'commit'],
    ['begin', ROWS, 'savepoint s', ROWS, 'rollback to savepoint s', ROWS, 'commit'],
    ['begin', 'savepoint a', 'savepoint b', ROWS, 'rollback to b', ROWS, 'rollback to a', ROWS, 'end'],
    ['begin', 'savepoint a', 'rollback to a', ROWS, 'release a', ROWS, 'commit'],
    ['start transaction', ROWS, 'reset all', ROWS, 'commit'],
    ['begin', ROWS, 'reset app.current_tenant_id', ROWS, 'rollback', ROWS],
    ['begin', ROWS, `set local app.current_tenant_id = ''`, ROWS, 'commit', ROWS],
    ['begin', ROWS, `set app.current_tenant_id = '${tenantId(2)}'`, ROWS, 'commit', ROWS],
    ['begin', `set session app.current_tenant_id to '${tenantId(2)}'`, ROWS, 'commit', ROWS],
    ['begin', 'savepoint s', 'set local work_mem = 1024', ROWS, 'rollback to s', ROWS, 'commit'],
    ['begin; savepoint s', ROWS, 'rollback to s', ROWS, 'commit'],
    ['begin; set transaction isolation level serializable', ROWS, 'commit; begin', ROWS, 'commit'],
    ['begin', ROWS, 'rollback; begin', ROWS, 'rollback'],
    ['/* a comment */ begin', ROWS, '-- a comment\ncommit and chain', ROWS, 'commit'],
    ['BEGIN TRANSACTION READ WRITE;', ROWS, 'COMMIT WORK;', ROWS],
    ['begin', 'listen somebody', ROWS, 'unlisten *', ROWS, 'commit'],
    ['begin', 'declare c cursor for select 1', 'fetch c', ROWS, 'close c', ROWS, 'commit'],
    ['begin', 'savepoint s', FAIL, 'rollback to s', ROWS, 'commit', ROWS],
    ['begin', FAIL, 'rollback', ROWS, 'begin', ROWS, 'commit'],
    ['begin', ROWS, FAIL, 'commit', ROWS],
    ['discard all', ROWS, 'discard temp', ROWS, 'begin', ROWS, 'commit'],
    [
      'prepare p as select 1',
      'execute p',
      ROWS,
      'deallocate all',
      ROWS,
      'begin',
      'deallocate all',
      ROWS,
      'end',
    ],
  ]

  test.each(sequences.map((texts) => ({ texts, name: texts.join(', ') })))(
    'is there for every statement: $name',
    async ({ texts }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await asTenant(1, async () => {
        const client = await pool.connect()
        const answers: unknown[] = []
        for (const text of texts) answers.push(await answerTo(client, text))
        expect(answers).toEqual(texts.map(expectedAnswer))
        client.release()
      })
      // What tenant 1 left on the session is nothing to tenant 2.
      expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
      const [none] = (await tenancy.withoutTenant(() => pool.query('select tenantry.tenant_id() as tenant')))
        .rows
      expect(none).toEqual({ tenant: null })
    },
  )

  test.each(sequences.map((texts) => ({ texts, name: texts.join(', ') })))(
    'is there when all of it is sent at once: $name',
    async ({ texts }) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await asTenant(1, async () => {
        const client = await pool.connect()
        const answers = texts.map((text) => answerTo(client, text))
        client.release()
        expect(await Promise.all(answers)).toEqual(texts.map(expectedAnswer))
      })
      expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    },
  )

  test('leaves nothing on the session when the transaction is over', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const clients = clientsOf(pool)
    await tenancy.run({ tenantId: tenantId(1), userId: 'u1' }, async () => {
      const client = await pool.connect()
      const left = (): Promise<string[]> => settingsLeft(clients[0] as pg.PoolClient)
      await client.query('select 1')
      expect(await left()).toEqual(['', ''])
      await client.query('begin')
      await client.query('select 1')
      expect(await left()).toEqual([tenantId(1), 'u1'])
      await client.query('commit')
      expect(await left()).toEqual(['', ''])
      client.release()
    })
  })
})

describe('The isolation level', () => {
  const SHOW = `select current_setting('transaction_isolation') as level`

  test('cannot be set behind the prelude of a naive pool', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query('begin')
      expect(await codeOf(client.query('set transaction isolation level serializable'))).toBe('25001')
      client.release(true)
    })
  })

  test.each([
    [['begin', 'set transaction isolation level serializable']],
    [['begin', 'SET LOCAL statement_timeout = 10000', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE']],
    [['begin; set transaction isolation level serializable']],
    [['begin isolation level serializable']],
    [['start transaction', '/* typeorm */ set transaction isolation level serializable']],
    [['begin', 'commit and chain', 'set transaction isolation level serializable']],
    [['set session characteristics as transaction isolation level serializable', 'begin']],
  ])('can be set as the first thing of a transaction: %j', async (texts) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      for (const text of texts) await client.query(text)
      expect((await client.query(SHOW)).rows).toEqual([{ level: 'serializable' }])
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      await client.query('commit')
      client.release()
    })
  })
})

describe('Code that commits in the server', () => {
  // PostgreSQL 18 refuses it in a group of statements (2D000); before, it commits, and the settings go with it.
  const withEnd = (end: string) => `do $$ begin ${end}; assert (select count(*) from projects) = 0; end $$`

  test.each(['commit', 'rollback'])(
    'with %s is refused by PostgreSQL, or goes on without a tenant; what follows is scoped',
    async (end) => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const outcomes = [undefined, '2D000']
      await asTenant(1, async () => {
        const client = await pool.connect()
        expect(outcomes).toContain(await codeOf(client.query(withEnd(end))))
        expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
        client.release()
        expect(outcomes).toContain(await codeOf(pool.query(withEnd(end))))
        expect(tenantsIn(await pool.query(WHOSE_ROWS))).toEqual([1])
      })
    },
  )
})
