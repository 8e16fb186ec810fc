import Cursor from 'pg-cursor'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { PrepareDisabledEvent } from '../../../src/pg/index.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { listenTo } from '../support/listen.ts'
import { endAfterTest, openPool } from '../support/open-pool.ts'
import { openSessionPool } from '../support/session-pool.ts'
import { inTenant, PROJECTS, tenantId } from '../support/tenants.ts'
import { TransactionPooler } from '../support/transaction-pooler.ts'
import { useDatabase } from '../support/use-database.ts'
import { autocommitUnits, OWN, runUnits, transactionUnits } from './units.ts'

const database = useDatabase()

/** Server connections behind the pooler, shared by many more clients. */
const SERVERS = 2

/** Rows that a tenant wrote and another has. */
function misplaced(): Promise<unknown[]> {
  return database.query(
    `select * from projects where name like 'note of %'
       and tenant_id <> ('00000000-0000-4000-8000-' || lpad(split_part(name, ' ', 3), 12, '0'))::uuid`,
  )
}

/** What sessions were left with that the next client would find. */
async function expectNothingLeft(pooler: TransactionPooler): Promise<void> {
  const left = await pooler.ask(`
    select coalesce(current_setting('app.current_tenant_id', true), '') as tenant,
      coalesce(current_setting('app.current_user_id', true), '') as user,
      (select count(*)::int from pg_prepared_statements where not from_sql) as prepared,
      (select count(*)::int from pg_cursors) as cursors,
      (select count(*)::int from pg_class where relpersistence = 't') as temporary,
      current_setting('transaction_isolation') as isolation, current_setting('role') as role`)
  expect(left).toEqual(
    Array.from({ length: SERVERS }, () => [
      {
        tenant: '',
        user: '',
        prepared: 0,
        cursors: 0,
        temporary: 0,
        isolation: 'read committed',
        role: 'none',
      },
    ]),
  )
  const backends = await pooler.ask<{ pid: number }>('select pg_backend_pid() as pid')
  const activity = await database.query(
    `select state, xact_start, (select count(*)::int from pg_locks where pg_locks.pid = backends.pid) as locks
     from pg_stat_activity as backends where pid = any($1)`,
    [backends.flat().map(({ pid }) => pid)],
  )
  expect(activity).toEqual(
    Array.from({ length: SERVERS }, () => ({ state: 'idle', xact_start: null, locks: 0 })),
  )
}

describe('behind a pooler in transaction mode, the obvious ways', () => {
  test('a session-level setting is seen by the next client', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, 1)
    const pool = openSessionPool({ connectionString: pooler.url, max: 2 })
    const first = await inTenant(1, () => pool.connect())
    const second = await inTenant(2, () => pool.connect())
    const { rows } = await first.query(OWN)
    first.release()
    second.release()
    expect(rows).toEqual(Array.from({ length: PROJECTS }, () => ({ tenant: tenantId(2) })))
  })

  test('a statement named by a counter executes another’s', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    const clients = Array.from({ length: 2 }, () =>
      endAfterTest(new pg.Pool({ connectionString: pooler.url, max: 1 })),
    )
    const [first, second] = clients as [pg.Pool, pg.Pool]
    // The two server connections take turns: each of these is parsed on another one.
    const ofFirst = { name: 'statement_1', text: 'select $1 as mine' }
    const ofSecond = { name: 'statement_1', text: 'select $1 as mine, true as "not yours"' }
    await first.query({ ...ofFirst, values: ['a'] })
    await second.query({ ...ofSecond, values: ['b'] })
    await second.query('select 1')
    const { rows } = await first.query({ ...ofFirst, values: ['a'] })
    expect(rows).toEqual([{ mine: 'a', 'not yours': true }])
  })
})

describe('behind a pooler in transaction mode, TenantPool', () => {
  test('does 600 units of work of many tenants on two server connections, none wrong, nothing left behind', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    const pool = openPool({ connectionString: pooler.url, max: 20 })
    expect(await runUnits(pool, { ...autocommitUnits, ...transactionUnits }, 600)).toEqual([])
    expect(pooler.handovers).toBeGreaterThan(600)
    expect(await misplaced()).toEqual([])
    await inTenant(1, () => expectWhole(pool))
    await expectNothingLeft(pooler)
  })

  test('is served without a cursor being closed or a transaction ended: its release ends them', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    const pool = openPool({ connectionString: pooler.url, max: 4 })
    for (let round = 0; round < 3; round += 1) {
      await inTenant(1, async () => {
        const [reading, open] = await Promise.all([pool.connect(), pool.connect()])
        const cursor = reading.query(new Cursor(OWN))
        expect(await cursor.read(1)).toHaveLength(1)
        await open.query('begin')
        await open.query(OWN)
        reading.release()
        open.release()
      })
      expect(await runUnits(pool, autocommitUnits, 20)).toEqual([])
    }
    await expectNothingLeft(pooler)
  })

  test('with prepare: sees that names are lost, stops naming, and fails nothing outside of a transaction', async () => {
    const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    const pool = openPool({ connectionString: pooler.url, max: 20, prepare: true })
    expect(await runUnits(pool, autocommitUnits, 300)).toEqual([])
    expect(events).toHaveLength(1)
    expect(['26000', '42P05']).toContain((events[0]?.cause as { code?: string } | undefined)?.code)
    // From here on it is as without.
    expect(await runUnits(pool, { ...autocommitUnits, ...transactionUnits }, 300)).toEqual([])
    expect(await misplaced()).toEqual([])
    const names = async () =>
      (await pooler.ask<{ name: string }>('select name from pg_prepared_statements'))
        .flat()
        .map(({ name }) => name)
    const before = await names()
    expect(await runUnits(pool, autocommitUnits, 50)).toEqual([])
    expect((await names()).filter((name) => !before.includes(name))).toEqual([])
    await inTenant(1, () => expectWhole(pool))
  })

  test('with prepare: a transaction that finds a name lost fails with that error, and the next one works', async () => {
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    const pool = openPool({ connectionString: pooler.url, max: 20, prepare: true })
    const failed = await runUnits(pool, transactionUnits, 100)
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.filter((failure) => !/failed with (26000|42P05)/.test(failure))).toEqual([])
    expect(await runUnits(pool, transactionUnits, 100)).toEqual([])
    expect(await misplaced()).toEqual([])
    await inTenant(1, () => expectWhole(pool))
  })

  test('with prepare: never executes another’s statement, however many applications share the server connections', async () => {
    const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
    const pooler = await TransactionPooler.open(database.urls.app, SERVERS)
    for (let round = 0; round < 5; round += 1) {
      const applications = Array.from({ length: 8 }, () =>
        openPool({ connectionString: pooler.url, max: 2, prepare: true }),
      )
      await Promise.all(
        applications.map((pool, application) =>
          Promise.all(
            Array.from({ length: 30 }, async (_, index) => {
              const [number, statement] = [1 + index, index % 4]
              const { rows, fields } = await inTenant(number, () =>
                pool.query(
                  `select tenant_id as tenant, ${application} as application, $1::int + ${statement} as "${statement}" from projects where name = 'project 1'`,
                  [round],
                ),
              )
              expect(rows).toEqual([
                { tenant: tenantId(number), application, [statement]: round + statement },
              ])
              expect(fields.map(({ name }) => name)).toEqual(['tenant', 'application', String(statement)])
            }),
          ),
        ),
      )
      await Promise.all(applications.map((pool) => pool.end()))
    }
    expect(events.length).toBeGreaterThan(0)
  })

  test('with prepare: goes on naming where the pooler keeps one server connection for its one client', async () => {
    const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
    const pooler = await TransactionPooler.open(database.urls.app, 1)
    const pool = openPool({ connectionString: pooler.url, max: 1, prepare: true })
    // Without those that fail: an error of pool.query() costs the connection, and the new one is a new client.
    const { 'an error': _error, 'an error among several': _among, ...units } = autocommitUnits
    expect(await runUnits(pool, { ...units, ...transactionUnits }, 100)).toEqual([])
    expect(events).toEqual([])
    const [prepared = []] = await pooler.ask('select from pg_prepared_statements')
    expect(prepared.length).toBeGreaterThan(3)
  })
})
