import pg from 'pg'
import Cursor from 'pg-cursor'
import OldCursor from 'pg-cursor-2.10'
import QueryStream from 'pg-query-stream'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { happens } from '../support/happens.ts'
import { openPool } from '../support/open-pool.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const FAILING = 'select 1 / 0'

/** The connection is back, none was destroyed for nothing, and the next tenant gets its own rows on it. */
async function expectGivenBack(pool: pg.Pool): Promise<void> {
  expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
  await asTenant(3, () => expectWhole(pool))
}

describe('A query object given to pool.query', () => {
  test('that has a callback calls it, and gives the connection back', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { error, result } = await asTenant(1, () =>
      callsBack((callback) => pool.query(new pg.Query(WHOSE_ROWS, callback as never))),
    )
    expect(error).toBeFalsy()
    expect(tenantsIn(result)).toEqual([1])
    await expectGivenBack(pool)
  })

  test('that has a callback and fails calls it, and gives the connection back', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { error } = await asTenant(1, () =>
      callsBack((callback) => {
        const answer: unknown = pool.query(new pg.Query(FAILING, callback as never))
        ;(answer as Promise<unknown>).catch(() => {})
      }),
    )
    expect(error?.code).toBe('22012')
    await expectGivenBack(pool)
  })

  test('is given its callback as the second argument, too', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const { error, result } = await asTenant(1, () =>
      callsBack((callback) =>
        (pool.query as (...all: unknown[]) => unknown)(new pg.Query(WHOSE_ROWS), callback),
      ),
    )
    expect(error).toBeFalsy()
    expect(tenantsIn(result)).toEqual([1])
    await expectGivenBack(pool)
  })

  test('that has listeners is heard, and gives the connection back at the end', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const rows: unknown[] = []
    await asTenant(1, () => {
      const query = new pg.Query(WHOSE_ROWS)
      query.on('row', (row) => rows.push(row))
      const ended = happens(query, 'end')
      void pool.query(query)
      return ended
    })
    expect(tenantsIn({ rows })).toEqual([1])
    await expectGivenBack(pool)
  })

  test('that fails rejects the promise, and gives the connection back', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const query = new pg.Query(FAILING)
    query.on('error', () => {})
    const answer: unknown = asTenant(1, async () => pool.query(query))
    await expect(answer).rejects.toMatchObject({ code: '22012' })
    await expectGivenBack(pool)
  })

  test.each([
    ['pg-cursor', Cursor],
    ['pg-cursor 2.10', OldCursor],
  ])('that is a cursor (%s) gives the connection back at its end', async (_name, CursorClass) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const cursor = new CursorClass<{ tenant: string }>('select tenant_id as tenant from projects')
      void pool.query(cursor)
      expect(tenantsIn({ rows: await cursor.read(2) })).toEqual([1, 1])
      expect(tenantsIn({ rows: await cursor.read(2) })).toEqual([1])
      expect(await cursor.read(2)).toEqual([])
    })
    await expectGivenBack(pool)
  })

  test('that is a cursor gives the connection back when it is closed early', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const cursor = new Cursor<{ tenant: string }>('select tenant_id as tenant from projects')
      void pool.query(cursor)
      expect(tenantsIn({ rows: await cursor.read(1) })).toEqual([1])
      await cursor.close()
    })
    await expectGivenBack(pool)
  })

  test('that is a stream gives the connection back at its end', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const stream = new QueryStream('select tenant_id as tenant from projects', [], { batchSize: 2 })
      void pool.query(stream)
      const rows: unknown[] = []
      for await (const row of stream) rows.push(row)
      expect(tenantsIn({ rows })).toEqual([1, 1, 1])
    })
    await expectGivenBack(pool)
  })

  test('that is a stream gives the connection back when it is left in the middle', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const stream = new QueryStream('select generate_series(1, 1000) as n', [], { batchSize: 2 })
      void pool.query(stream)
      for await (const row of stream) {
        expect(row).toEqual({ n: 1 })
        break
      }
    })
    await expectGivenBack(pool)
  })

  test('that is a stream and fails says so, and gives the connection back', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const stream = new QueryStream(FAILING)
      ;(pool.query(stream) as unknown as Promise<unknown>).catch(() => {})
      await expect(stream.toArray()).rejects.toMatchObject({ code: '22012' })
    })
    await expectGivenBack(pool)
  })
})
