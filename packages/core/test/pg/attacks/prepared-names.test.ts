import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { openNaivePool } from '../support/naive-pool.ts'
import { openPool } from '../support/open-pool.ts'
import { runProgram } from '../support/run-program.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const UNPARSABLE = { name: 'later', text: 'select one from later' }

/** Uses a named statement whose Parse fails, then makes it possible, and uses it again on the same connection. */
async function failThenUse(pool: pg.Pool): Promise<unknown> {
  await database.query('drop table if exists later')
  return asTenant(1, async () => {
    const client = await pool.connect()
    expect(await codeOf(client.query(UNPARSABLE))).toBe('42P01')
    await database.query('create table later as select 1 as one; grant select on later to public')
    const code = await codeOf(client.query(UNPARSABLE))
    client.release()
    return code
  })
}

describe('The name of a statement whose Parse fails', () => {
  test('is taken, in a naive pool, for parsed by the answer to the prelude, and fails for good', async () => {
    const pool = openNaivePool({ connectionString: database.urls.app, max: 1 })
    expect(await failThenUse(pool)).toBe('26000')
  })

  test('can be used again', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    expect(await failThenUse(pool)).toBeUndefined()
  })

  test('can be used again with prepare', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
    expect(await failThenUse(pool)).toBeUndefined()
  })
})

describe('A value that cannot be converted', () => {
  const broken = {
    toPostgres: () => {
      throw new Error('no such value')
    },
  }
  const named = { name: 'named', text: 'select $1::text as value' }

  test('leaves, with plain pg, a name that fails for good or a connection that never answers', async () => {
    const { output } = await runProgram('broken-value', { APP_URL: database.urls.app })
    expect(output).toMatch(/^outcome: (?:26000|08P01|no answer)$/m)
  })

  test('is refused before anything is sent, in every form, and the name still works', async () => {
    for (const prepare of [false, true]) {
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare })
      await asTenant(1, async () => {
        expect(await codeOf(pool.query({ ...named, values: [broken] }))).toBe('Error: no such value')
        expect(pool.totalCount).toBe(0)
        const client = await pool.connect()
        expect(await codeOf(client.query({ ...named, values: [broken] }))).toBe('Error: no such value')
        expect(await codeOf(client.query('select $1::text', [broken]))).toBe('Error: no such value')
        const answers = [
          await callsBack((callback) => client.query({ ...named, values: [broken] }, callback)),
          await callsBack((callback) => client.query('select $1::text', [broken], callback)),
          await callsBack((callback) => pool.query('select $1::text', [broken], callback)),
        ]
        expect(answers.map(({ error }) => error?.message)).toEqual(answers.map(() => 'no such value'))
        for (let use = 0; use < 3; use += 1) {
          expect((await client.query({ ...named, values: ['right'] })).rows).toEqual([{ value: 'right' }])
        }
        client.release()
        await expectWhole(pool)
      })
      expect(tenantsIn(await asTenant(2, () => pool.query(WHOSE_ROWS)))).toEqual([2])
    }
  })

  test('of an object without a text form is refused as well', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    await asTenant(1, async () => {
      const client = await pool.connect()
      expect(await codeOf(client.query({ ...named, values: [circular] }))).toContain('ircular')
      expect((await client.query({ ...named, values: ['right'] })).rows).toEqual([{ value: 'right' }])
      client.release()
    })
  })
})

describe('A named statement used by two tenants on one connection', () => {
  test('gives each its own rows', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    for (const tenant of [1, 2, 1, 3]) {
      expect(
        tenantsIn(await asTenant(tenant, () => pool.query({ name: 'whose', text: WHOSE_ROWS }))),
      ).toEqual([tenant])
    }
  })

  test('with another text is refused, as by pg', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      await client.query({ name: 'one name', text: 'select 1' })
      expect(await codeOf(client.query({ name: 'one name', text: 'select 2' }))).toContain('must be unique')
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })
})

describe('A value of a pg.Query that cannot be converted', () => {
  test('is refused before anything is sent, and leaves the connection and all others as they were', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    const broken = {
      toPostgres: () => {
        throw new Error('no such value')
      },
    }
    await asTenant(1, async () => {
      const client = await pool.connect()
      const running = client.query('select 1')
      // Behind another statement, it is sent from the socket's event: whatever is thrown there ends the process.
      const { error } = await callsBack((callback) =>
        client.query(new pg.Query({ name: 'broken', text: 'select $1::text' }, [broken], callback as never)),
      )
      expect(error?.message).toBe('no such value')
      await running
      expect(tenantsIn(await client.query(WHOSE_ROWS))).toEqual([1])
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })
})
