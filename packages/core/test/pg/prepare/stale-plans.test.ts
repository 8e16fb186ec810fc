import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import pg from 'pg'
import type { PrepareDisabledEvent, TenantPool } from '../../../src/pg/index.ts'
import { backendOf } from '../support/backends.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { listenTo } from '../support/listen.ts'
import { openPool } from '../support/open-pool.ts'
import { userStatementsOn } from '../support/prepared-on.ts'
import { inTenant, tenancy } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

// A table of the test's own, to change under the prepared statements.
const CREATE = `
  create table notes (tenant_id uuid not null default tenantry.tenant_id(), n int, label varchar(10), extra text);
  alter table notes enable row level security;
  alter table notes force row level security;
  create policy own on notes using (tenant_id = (select tenantry.tenant_id()));
  grant select, insert, update, delete on notes to tenantry_app;
  insert into notes values ('00000000-0000-4000-8000-000000000001', 1, 'first'),
    ('00000000-0000-4000-8000-000000000001', 2, 'second'), ('00000000-0000-4000-8000-000000000002', 3, 'other');`

beforeEach(() => database.query(CREATE))
afterEach(() => database.query('drop table notes'))

/** A pool of one connection which has prepared `text` and used it without Describe. */
async function openUsed(text: string, values?: unknown[]): Promise<TenantPool> {
  const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
  for (let use = 0; use < 4; use += 1) await pool.query(text, values)
  expect(await userStatementsOn(pool)).toEqual([text])
  return pool
}

/** Since when the statement of a backend has been running that waits for a lock now. */
async function waitingSince(backend: number): Promise<unknown> {
  const [row] = await database.query(
    `select query_start::text as since from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`,
    [backend],
  )
  return row?.['since']
}

const outline = ({ rowCount, rows, fields }: pg.QueryResult) => ({
  rowCount,
  rows: rows as unknown,
  fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
})

const recreate = `drop table notes; ${CREATE}`

/** What is changed under a statement, the statement, its values, and those that it is given after the change. */
type Change = readonly [title: string, change: string, text: string, values?: unknown[], after?: unknown[]]

const changes: readonly Change[] = [
  ['a column got another type', 'alter table notes alter n type text', 'select n from notes order by n'],
  [
    'a column got another length',
    'alter table notes alter label type varchar(20)',
    'select label from notes order by n',
  ],
  ['a column was added to *', 'alter table notes add added int default 7', 'select * from notes order by n'],
  ['a column was dropped from *', 'alter table notes drop extra', 'select * from notes order by n'],
  ['a column of * was renamed', 'alter table notes rename extra to spare', 'select * from notes order by n'],
  [
    'the compared column got another type',
    'alter table notes alter n type text',
    'select label from notes where n = $1',
    [1],
  ],
  [
    'the compared column got another type, in a join',
    'alter table notes alter n type text',
    'select a.label from notes a join notes b using (n) where b.n = any($1) order by 1',
    [[1, 2]],
  ],
  [
    'the written column got another type',
    'alter table notes alter n type text',
    'insert into notes (n) values ($1)',
    [5],
    ['five'],
  ],
  [
    'the updated column got another type',
    'alter table notes alter n type text',
    'update notes set n = $1 where label = $2',
    [5, 'first'],
    ['five', 'first'],
  ],
  [
    'a column was dropped and added with another type',
    'alter table notes drop n; alter table notes add n text default 9',
    'select n, label from notes order by label',
  ],
  ['the table was dropped and made again', recreate, 'select n, label from notes order by n'],
  [
    'the table was dropped and made again with another type',
    `${recreate} alter table notes alter n type numeric`,
    'select n, label from notes order by n',
  ],
  [
    'the table became a view',
    `alter table notes rename to notes_old; create view notes as select n::text, label from notes_old; grant select on notes, notes_old to tenantry_app`,
    'select n, label from notes order by n',
  ],
  ['an index came', 'create index on notes (n)', 'select label from notes where n = $1', [2]],
  ['statistics came', 'analyze notes', 'select label from notes where n = $1', [2]],
]

/** Undoes what a change put in the way of `drop table notes`. */
async function undo(change: string): Promise<void> {
  if (change.includes('create view'))
    await database.query('drop view notes; alter table notes_old rename to notes')
}

describe('with prepare, after DDL', () => {
  test.for(changes)(
    '%s: the next use outside of a transaction is right, and so are the ones after',
    ([, change, text, values, after = values]) =>
      inTenant(1, async () => {
        const events = listenTo<PrepareDisabledEvent>('tenantry:prepare-disabled')
        const pool = await openUsed(text, values)
        await database.query(change)
        const fresh = openPool({ connectionString: database.urls.app, max: 1 })
        for (let use = 0; use < 4; use += 1) {
          const [prepared, unprepared] = [await pool.query(text, after), await fresh.query(text, after)]
          expect(outline(prepared)).toEqual(outline(unprepared))
        }
        await undo(change)
        expect(events).toEqual([])
        await expectWhole(pool)
      }),
  )

  test('the search_path was changed: the statement reads what it names now', () =>
    inTenant(1, async () => {
      await database.query(`
        create schema a; create table a.thing as select 1 as n; create schema b; create table b.thing as select 'x' as n;
        create schema c; create table c.thing as select 2 as n;
        grant usage on schema a, b, c to tenantry_app; grant select on a.thing, b.thing, c.thing to tenantry_app`)
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
      const client = await pool.connect()
      for (const [path, n] of [
        ['a', 1],
        ['a', 1],
        ['a', 1],
        ['c', 2],
        ['b', 'x'],
        ['c', 2],
        ['a', 1],
        ['b', 'x'],
      ] as const) {
        await client.query(`set search_path to ${path}`)
        expect((await client.query('select n from thing')).rows).toEqual([{ n }])
      }
      client.release()
      await database.query('drop schema a, b, c cascade')
    }))

  test('in a transaction it passes on the error, and the next transaction is right', () =>
    inTenant(1, async () => {
      const text = 'select * from notes order by n'
      const pool = await openUsed(text)
      await database.query('alter table notes add added int default 7')
      const failing = pool.transaction((client) => client.query(text))
      expect(await failureOf(failing)).toMatchObject({
        code: '0A000',
        message: 'cached plan must not change result type',
      })
      const { rows } = await pool.transaction((client) => client.query(text))
      expect(rows.map((row) => (row as { added: number }).added)).toEqual([7, 7])
      await expectWhole(pool)
    }))

  test('in a transaction that changes the table itself, as a migration does, it goes on', async () => {
    const pool = openPool({ connectionString: database.urls.owner, max: 1, prepare: true })
    await tenancy.withoutTenant(async () => {
      await pool.query('create table scratch as select 1 as n')
      const text = 'select * from scratch'
      for (let use = 0; use < 3; use += 1) expect((await pool.query(text)).rows).toEqual([{ n: 1 }])
      await pool.transaction(async (client) => {
        expect((await client.query(text)).rows).toEqual([{ n: 1 }])
        await client.query('alter table scratch add m int default 2')
        expect((await client.query(text)).rows).toEqual([{ n: 1, m: 2 }])
        await client.query('drop table scratch')
        await client.query("create table scratch as select 'x' as n")
        expect((await client.query(text)).rows).toEqual([{ n: 'x' }])
        await client.query('drop table scratch')
      })
    })
  })

  test('a cancellation while it waits to be planned is passed on, and not taken for a stale plan', () =>
    inTenant(1, async () => {
      const text = 'select label from notes order by n'
      const pool = await openUsed(text)
      const client = await pool.connect()
      const backend = await backendOf(client)
      const migration = new pg.Client({ connectionString: database.urls.superuser })
      await migration.connect()
      await migration.query('begin; lock table notes in access exclusive mode')
      const outcome = client.query(text).then(
        ({ rows }) => rows as unknown,
        (error: { code?: string }) => error.code,
      )
      let first = await waitingSince(backend)
      while (first === undefined) first = await waitingSince(backend)
      await migration.query('select pg_cancel_backend($1)', [backend])
      // Until it no longer waits, or waits again.
      while ((await waitingSince(backend)) === first);
      await migration.end()
      expect(await outcome).toBe('57014')
      client.release()
      await expectWhole(pool)
    }))

  test('the statement is prepared anew, once', () =>
    inTenant(1, async () => {
      const text = 'select * from notes order by n'
      const pool = await openUsed(text)
      await database.query('alter table notes add added int default 7')
      for (let use = 0; use < 4; use += 1) await pool.query(text)
      expect(await userStatementsOn(pool)).toEqual([text])
    }))

  test('an error of the same kind that is the statement’s own is passed on, and runs nothing twice', () =>
    inTenant(1, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
      await database.query(`
        create sequence if not exists tries; grant usage on tries to tenantry_app;
        create or replace function refuse(code text) returns int language plpgsql as
          $$ begin perform nextval('tries'); raise exception using errcode = code, message = 'refused'; end $$;`)
      const text = 'select refuse($1)'
      for (const code of ['0A000', '26000', '42P05', '42883', '22P02']) {
        for (let use = 0; use < 3; use += 1) {
          expect(await failureOf(pool.query(text, [code]))).toMatchObject({ code, message: 'refused' })
        }
      }
      const [row] = await database.query<{ last_value: string }>('select last_value from tries')
      expect(row?.last_value).toBe('15')
      await database.query('drop function refuse; drop sequence tries')
    }))
})
