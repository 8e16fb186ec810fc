import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { asTenant } from '../../pg/support/as-tenant.ts'
import { codeOf } from '../../pg/support/calls-back.ts'
import { failureOf } from '../../pg/support/failure-of.ts'
import { committedProjects } from '../../pg/support/projects.ts'
import { tenancy, tenantId } from '../../pg/support/tenants.ts'
import { useDatabase } from '../../pg/support/use-database.ts'
import { WireTap, textsOf } from '../../pg/support/wire-tap.ts'
import { openPlainSql, openSql, whoseRows } from '../support/open-sql.ts'

const database = useDatabase()

describe('The prelude in a transaction', () => {
  test('comes after SET TRANSACTION, and before a SAVEPOINT', async () => {
    const sql = openSql(database.urls.app)
    const seen = await asTenant(1, async () => {
      const reserved = await sql.reserve()
      await reserved`begin`
      await reserved`set transaction isolation level serializable`
      await reserved`savepoint s`
      await reserved`insert into projects (name) values ('undone')`
      await reserved`rollback to s`
      const [isolation] = await reserved`show transaction_isolation`
      const rows = await whoseRows(reserved)
      await reserved`commit and chain`
      const chained = await whoseRows(reserved)
      await reserved`rollback`
      reserved.release()
      return [isolation, rows, chained]
    })
    expect(seen).toEqual([{ transaction_isolation: 'serializable' }, [1], [1]])
  })

  test('is sent once, and again after what may drop it', async () => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url, { prepare: false })
    await asTenant(1, () => whoseRows(sql))
    tap.takeFlights()
    await asTenant(1, () =>
      sql.begin(async (transaction) => {
        await transaction`select 1`
        await transaction`select 2`
        await transaction`set local statement_timeout = 1000`
        await transaction`select 3`
        await codeOf(transaction.savepoint(async (inner) => void (await inner`select 1 / 0`)))
        await transaction`select 4`
        await transaction`reset all`
        expect(await whoseRows(transaction)).toEqual([1])
      }),
    )
    const texts = tap.takeFlights().flatMap((flight) => textsOf(flight))
    const short = texts.map((text) => (text.includes('set_config') ? 'prelude' : text.split(' ')[0]))
    expect(short).toEqual(
      [
        'begin',
        'prelude',
        'select',
        'select',
        'set',
        'prelude',
        'select',
        'savepoint',
        'select',
        'rollback',
      ].concat(['prelude', 'select', 'reset', 'prelude', 'select', 'commit']),
    )
  })

  test('is not sent into a failed one', async () => {
    const sql = openSql(database.urls.app)
    const code = await asTenant(1, () =>
      codeOf(
        sql.begin(async (transaction) => {
          await codeOf(Promise.resolve(transaction`select 1 / 0`))
          expect(await codeOf(Promise.resolve(transaction`select 1`))).toBe('25P02')
        }),
      ),
    )
    expect(code).toBe('22012')
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })
})

describe('sql.begin', () => {
  test('hands out the results of an array of queries, and what its function returns', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      expect(
        await sql.begin((transaction) => [transaction`select 1 as a`, transaction`select 2 as b`]),
      ).toEqual([[{ a: 1 }], [{ b: 2 }]])
      expect(await sql.begin('read only', () => 'returned')).toBe('returned')
      expect(await codeOf(sql.begin('read only', (transaction) => transaction`delete from projects`))).toBe(
        '25006',
      )
    })
  })

  test('fails with what fails only at COMMIT', async () => {
    const sql = openSql(database.urls.app)
    await database.query(
      'create table checked (id int unique deferrable initially deferred); grant select, insert on checked to public',
    )
    const failing = asTenant(1, () =>
      codeOf(sql.begin((transaction) => transaction`insert into checked values (1), (1)`)),
    )
    expect(await failing).toBe('23505')
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
  })

  test('fails where COMMIT only rolls back, which postgres.js itself takes for a success', async () => {
    const spoil = (transaction: postgres.TransactionSql): string => {
      transaction`insert into projects (name) values ('lost')`.catch(() => {})
      transaction`select 1 / 0`.catch(() => {})
      return 'done'
    }
    expect(await openPlainSql(database.urls.app).begin(spoil)).toBe('done')
    const sql = openSql(database.urls.app)
    expect(await asTenant(1, () => codeOf(sql.begin(spoil)))).toBe('TRANSACTION_ABORTED')
    expect(await committedProjects(database, 1)).toEqual([])
  })

  test('rolls back with the first error, a swallowed one too, and to a savepoint with its own', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(3, async () => {
      const first = new Error('the first')
      const failing = sql.begin(async (transaction) => {
        await transaction`insert into projects (name) values ('lost')`
        throw first
      })
      expect(await failureOf(failing)).toBe(first)
      const swallowing = sql.begin(async (transaction) => {
        await transaction`insert into projects (name) values ('lost')`
        await codeOf(Promise.resolve(transaction`select 1 / 0`))
      })
      expect(await codeOf(swallowing)).toBe('22012')
      await sql.begin(async (transaction) => {
        await transaction`insert into projects (name) values ('kept')`
        const inner = transaction.savepoint('mine', async (nested) => {
          await nested`insert into projects (name) values ('lost')`
          await nested`select 1 / 0`
        })
        expect(await codeOf(inner)).toBe('22012')
        await transaction.savepoint((nested) => nested`insert into projects (name) values ('kept too')`)
      })
    })
    expect(await committedProjects(database, 3)).toEqual(['kept', 'kept too'])
  })

  test('runs for tenants beyond its connections, each in its own', async () => {
    const sql = openSql(database.urls.app, { max: 2 })
    const seen = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        asTenant(index + 1, () =>
          sql.begin(async (transaction) => {
            await transaction`update projects set status = ${String(index + 1)}`
            return transaction.savepoint((inner) => whoseRows(inner))
          }),
        ),
      ),
    )
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => [index + 1]))
  })

  test('runs as the system inside asSystem', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.system } })
    const seen = await tenancy.asSystem('a test', () => sql.begin((transaction) => whoseRows(transaction)))
    expect(seen.length).toBeGreaterThan(100)
    expect(await tenancy.asSystem('a test', () => whoseRows(sql))).toEqual(seen)
  })
})

describe('Texts', () => {
  const refusals: [text: string, code: string][] = [
    ['begin', 'TRANSACTION_CONTROL_REFUSED'],
    ['commit', 'TRANSACTION_CONTROL_REFUSED'],
    ['savepoint s', 'TRANSACTION_CONTROL_REFUSED'],
    ['/* hidden */ rollback', 'TRANSACTION_CONTROL_REFUSED'],
    ['select 1; commit; select 2', 'TRANSACTION_CONTROL_REFUSED'],
    ['begin; delete from projects; commit', 'TRANSACTION_CONTROL_REFUSED'],
    ['copy projects (name) from stdin', 'COPY_FROM_UNSUPPORTED'],
  ]

  test.each(refusals)('%s is refused, however it is sent', async (text, code) => {
    const tap = await WireTap.open(database.urls.app)
    const sql = openSql(tap.url)
    await asTenant(1, async () => {
      await sql`select 1`
      tap.takeFlights()
      expect(await codeOf(sql.unsafe(text))).toBe(code)
      expect(await codeOf(Promise.resolve(sql.unsafe(text).simple()))).toBe(code)
      expect(await codeOf(Promise.resolve(sql`${sql.unsafe(text)}`.simple()))).toBe(code)
      expect(tap.takeFlights()).toEqual([])
      expect(await whoseRows(sql)).toEqual([1])
    })
  })

  test.each(refusals.filter(([text]) => !text.includes(';')))(
    '%s is refused where it is a fragment',
    async (text, code) => {
      const tap = await WireTap.open(database.urls.app)
      const sql = openSql(tap.url)
      await asTenant(1, async () => {
        await sql`select 1`
        tap.takeFlights()
        expect(await codeOf(Promise.resolve(sql`${sql.unsafe(text)}`))).toBe(code)
        expect(tap.takeFlights()).toEqual([])
      })
    },
  )

  test('of several statements have one scope, and errors the position in the text', async () => {
    const sql = openSql(database.urls.app)
    await asTenant(1, async () => {
      const results = await sql.unsafe('select 1 as one; select distinct tenant_id as tenant from projects')
      expect(results).toEqual([[{ one: 1 }], [{ tenant: tenantId(1) }]])
      const failure = await failureOf(sql.unsafe('select 1; select nothing'))
      expect(failure).toMatchObject({ code: '42703', position: '18' })
    })
  })

  test('that cannot run in a transaction do run', async () => {
    const sql = openSql(database.urls.app, { system: { url: database.urls.superuser } })
    await tenancy.asSystem('a test', async () => {
      await sql`vacuum projects`
      await sql.unsafe('create index concurrently on projects (name)')
    })
    expect(await asTenant(1, () => whoseRows(sql))).toEqual([1])
  })

  test('a session SET does not show through, as it does in postgres.js itself', async () => {
    const plain = openPlainSql(database.urls.app)
    await plain`select set_config('app.current_tenant_id', ${tenantId(4)}, false)`
    expect(await whoseRows(plain)).toEqual([4])
    const sql = openSql(database.urls.app)
    await asTenant(
      1,
      async () => await sql`select set_config('app.current_tenant_id', ${tenantId(4)}, false)`,
    )
    await asTenant(1, async () => await sql.unsafe(`set app.current_tenant_id = '${tenantId(4)}'`))
    expect(await asTenant(2, () => whoseRows(sql))).toEqual([2])
    expect(await tenancy.withoutTenant(() => whoseRows(sql))).toEqual([])
  })
})
