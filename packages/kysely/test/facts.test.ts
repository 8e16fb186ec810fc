import { TenantPool } from '@tenantry/core/pg'
import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from './kysely-subject.ts'
import { openTwoTenants, tenancy, type TwoTenants } from './two-tenants.ts'

// What the conformance suite is told that Kysely cannot do: without Tenantry it cannot either.
let tenants: TwoTenants
let plain: pg.Pool
let db: Kysely<Database>
beforeEach(async () => {
  tenants = await openTwoTenants()
  plain = new pg.Pool({ connectionString: tenants.database.urls.superuser, max: 1 })
  // Killed backends are what these tests are about.
  plain.on('error', () => {})
  plain.on('connect', (client) => client.on('error', () => {}))
  db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: plain }) })
})
afterEach(async () => {
  await db.destroy()
  await tenants.close()
})

describe('Kysely on a plain pg.Pool', () => {
  test('calls nobody back: promises only', async () => {
    let called = false
    const execute = db.selectFrom('projects').selectAll().execute as (
      callback: () => void,
    ) => Promise<unknown[]>
    const callback = () => {
      called = true
    }
    expect(await execute.call(db.selectFrom('projects').selectAll(), callback)).toHaveLength(4)
    expect(called).toBe(false)
  })

  test('drops the rows of a text of several statements', async () => {
    const text = 'select 1 as one; select 2 as two'
    expect(await plain.query(text)).toHaveLength(2)
    expect((await db.executeQuery(CompiledQuery.raw(text))).rows).toEqual([])
  })

  test('names no statement', async () => {
    await db.connection().execute(async (connection) => {
      for (let time = 0; time < 5; time += 1) {
        await connection.selectFrom('projects').where('name', '=', 'acme app').select('id').execute()
      }
      const { rows } = await sql`select from pg_prepared_statements`.execute(connection)
      expect(rows).toEqual([])
    })
  })

  test('does not nest transaction()', async () => {
    await db.transaction().execute(async (transaction) => {
      expect(() => transaction.transaction()).toThrow('not supported')
      expect('savepoint' in transaction).toBe(false)
    })
  })

  test('transaction() rejects with the error of the rollback; controlled transactions let one choose', async () => {
    const killed = async (connection: Kysely<Database>) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)
      await tenants.database.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid])
      throw new Error('the first error')
    }
    await expect(db.transaction().execute(killed)).rejects.not.toThrow('the first error')

    const transaction = await db.startTransaction().execute()
    const work = killed(transaction).catch(async (error: unknown) => {
      await transaction
        .rollback()
        .execute()
        .catch(() => {})
      throw error
    })
    await expect(work).rejects.toThrow('the first error')
  })

  // Trap 32: a connection is new to Kysely if its client is.
  test('onCreateConnection is called for each connection; on a TenantPool for each checkout', async () => {
    const counted = async (pool: pg.Pool): Promise<number> => {
      let calls = 0
      const onCreateConnection = () => {
        calls += 1
        return Promise.resolve()
      }
      const kysely = new Kysely<Database>({ dialect: new PostgresDialect({ pool, onCreateConnection }) })
      await tenancy.withoutTenant(async () => {
        for (let time = 0; time < 3; time += 1) await sql`select 1`.execute(kysely)
      })
      await kysely.destroy()
      return calls
    }
    const connectionString = tenants.database.urls.app
    expect(await counted(new pg.Pool({ connectionString, max: 1 }))).toBe(1)
    expect(await counted(new TenantPool({ tenancy, connectionString, max: 1 }))).toBe(3)
  })
})

test('`prepare: true` of TenantPool names the statements of Kysely, for each tenant the same', async () => {
  const pool = new TenantPool({ tenancy, connectionString: tenants.database.urls.app, max: 1, prepare: true })
  const prepared = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  for (const { id, name } of [tenants.acme, tenants.globex, tenants.acme, tenants.globex]) {
    const rows = await tenancy.run(id, () =>
      prepared.selectFrom('projects').select('name').orderBy('name').execute(),
    )
    expect(rows).toEqual([{ name: `${name} app` }, { name: `${name} website` }])
  }
  const { rows } = await tenancy.withoutTenant(() =>
    sql`select from pg_prepared_statements where statement like 'select "name" from "projects"%'`.execute(
      prepared,
    ),
  )
  expect(rows).toHaveLength(1)
  await prepared.destroy()
})
