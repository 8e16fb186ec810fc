import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { TenantryError } from '../../src/errors.ts'
import type { Query } from '../../src/query.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { tableOf } from './support/find.ts'

const setup = `
  create function tidy(text) returns text language sql immutable as 'select lower($1)';
  create domain code as text;
  create table parent (id int primary key, note text);
  create table times (
    id int references parent, word code default tidy('X'),
    at timestamptz default '2024-05-06 07:08:09+02' check (at < '2030-01-01 00:00+00'),
    span interval default '1 day 2 hours', raw bytea default '\\x00ff', ratio double precision default 0.30000000000000004
  );
  create unique index on times (tidy(word));
  create policy own on times using (tidy(word) = 'x' and exists (select from parent));
  create view seen as select * from times;
  create function takes(code) returns parent language sql return (select parent from parent);
`

const otherSettings: Readonly<Record<string, string>> = {
  search_path: 'public, pg_catalog',
  quote_all_identifiers: 'on',
  datestyle: 'German, DMY',
  timezone: 'Asia/Tokyo',
  intervalstyle: 'iso_8601',
  extra_float_digits: '-10',
  bytea_output: 'escape',
  jit: 'on',
  lock_timeout: '123ms',
}

let opened: OpenDatabase

beforeAll(async () => {
  opened = await openDatabase('catalogue-session', setup)
})

afterAll(() => opened.close())

/** A connection of the owner's, for one test. */
async function withConnection<T>(work: (query: Query) => Promise<T>): Promise<T> {
  const { query, end } = await opened.connect('owner')
  try {
    return await work(query)
  } finally {
    await end()
  }
}

async function setAll(query: Query, scope: 'session' | 'local'): Promise<void> {
  for (const [name, value] of Object.entries(otherSettings)) {
    await query('select set_config($1, $2, $3)', [name, value, scope === 'local'])
  }
}

async function settings(query: Query): Promise<Readonly<Record<string, unknown>>> {
  const columns = Object.keys(otherSettings).map((name) => `current_setting('${name}') as ${name}`)
  const { rows } = await query(`select ${columns.join()}`)
  return rows[0] ?? {}
}

/** Whether the connection is within a transaction, as the server says. */
async function inTransaction(query: Query): Promise<boolean> {
  const [{ rows: first }, { rows: second }] = [
    await query('select now()::text'),
    await query('select now()::text'),
  ]
  return first[0]?.['now'] === second[0]?.['now']
}

describe('definitions do not depend on the session', () => {
  it('gives the same catalogue under other settings, with names qualified', async () => {
    const catalogue = await readCatalogue(opened.owner)
    expect(tableOf(catalogue, 'times').columns.map((column) => column.default)).toEqual([
      null,
      "public.tidy('X'::text)",
      "'2024-05-06 05:08:09+00'::timestamp with time zone",
      "'1 day 02:00:00'::interval",
      String.raw`'\x00ff'::bytea`,
      '0.30000000000000004',
    ])
    await withConnection(async (query) => {
      await setAll(query, 'session')
      expect(await readCatalogue(query)).toEqual(catalogue)
      await query('begin')
      expect(await readCatalogue(query)).toEqual(catalogue)
      await query('rollback')
      await query('set search_path = pg_catalog, pg_temp')
      expect(await readCatalogue(query)).toEqual(catalogue)
    })
  })

  it('is not misled by tables, functions and operators that stand before the system ones', async () => {
    const catalogue = await readCatalogue(opened.owner)
    await opened.owner(`
      create schema evil;
      create table evil.pg_class (oid oid, relname name);
      create table evil.pg_policy (polname name);
      create function evil.current_setting(text) returns text language sql return 'evil';
      create function evil.set_config(text, text, bool) returns text language sql return 'evil';
      create function evil.current_database() returns name language sql return 'evil'::name;
      create function evil.format_type(oid, int) returns text language sql return 'evil';
      create function evil.differs(name, name) returns bool language sql return false;
      create function evil.differs(oid, oid) returns bool language sql return false;
      create operator evil.= (leftarg = name, rightarg = name, function = evil.differs);
      create operator evil.= (leftarg = oid, rightarg = oid, function = evil.differs);
    `)
    await withConnection(async (query) => {
      await query('set search_path = evil, public, pg_catalog')
      await query('create temporary table pg_namespace (nspname name)')
      await query('create temporary table pg_attribute (attname name)')
      // The attack works on a reader that trusts the path.
      const { rows } = await query("select current_setting('x') as setting, 'a'::name = 'a'::name as equal")
      expect(rows).toEqual([{ setting: 'evil', equal: false }])
      expect(await readCatalogue(query)).toEqual(catalogue)
      await query('begin')
      expect(await readCatalogue(query)).toEqual(catalogue)
    })
  })
})

describe('the session is left as it was', () => {
  it('keeps its settings, and no transaction is left open', async () => {
    await withConnection(async (query) => {
      await setAll(query, 'session')
      const before = await settings(query)
      await readCatalogue(query)
      expect(await settings(query)).toEqual(before)
      await expect(readCatalogue(query, { schemas: ['missing'] })).rejects.toThrow(/no schema/)
      expect(await settings(query)).toEqual(before)
      expect(await inTransaction(query)).toBe(false)
    })
  })

  it('keeps settings of a transaction for that transaction only, and neither ends it nor nests another', async () => {
    await withConnection(async (query) => {
      const outside = await settings(query)
      await query('begin')
      await query('create table uncommitted (id int)')
      await setAll(query, 'local')
      const inside = await settings(query)
      expect(tableOf(await readCatalogue(query), 'uncommitted').kind).toBe('table')
      expect(await settings(query)).toEqual(inside)
      await expect(readCatalogue(query, { schemas: ['missing'] })).rejects.toThrow(/no schema/)
      expect(await settings(query)).toEqual(inside)
      expect(await inTransaction(query)).toBe(true)
      await query('rollback')
      expect(await settings(query)).toEqual(outside)
      expect((await readCatalogue(query)).tables.map(({ name }) => name)).not.toContain('uncommitted')
    })
  })

  it('keeps settings of the session that a transaction did not change', async () => {
    await withConnection(async (query) => {
      await setAll(query, 'session')
      const before = await settings(query)
      await query('begin')
      await readCatalogue(query)
      expect(await settings(query)).toEqual(before)
      await query('commit')
      expect(await settings(query)).toEqual(before)
    })
  })

  it('changes nothing in a transaction that may only read', async () => {
    await withConnection(async (query) => {
      await query('begin read only')
      expect((await readCatalogue(query)).tables.length).toBeGreaterThan(0)
    })
  })
})

it('sees one state of the database, though others change it meanwhile', async () => {
  await withConnection(async (query) => {
    let changed = 0
    const catalogue = await readCatalogue(async (text, values) => {
      if (text.includes('pg_policy') && changed++ === 0) {
        await opened.owner(
          'create table meanwhile (id int); create view of_meanwhile as select * from meanwhile',
        )
      }
      return query(text, values)
    })
    expect(changed).toBeGreaterThan(0)
    expect(catalogue.tables.map(({ name }) => name)).not.toContain('meanwhile')
    expect(catalogue.views.map(({ name }) => name)).toEqual(['seen'])
    expect((await readCatalogue(query)).views.map(({ name }) => name)).toEqual(['of_meanwhile', 'seen'])
  })
})

describe('refusals say what to do', () => {
  it('names all missing schemas, and those that exist', async () => {
    await opened.owner('create schema if not exists "Sales ""EU"""')
    const schemas = ['public', 'sales', 'Sales "EU"', 'x"y']
    await expect(readCatalogue(opened.owner, { schemas })).rejects.toMatchObject({
      code: 'CATALOGUE_UNREADABLE',
      message: expect.stringMatching(/no schema "sales", "x\\"y"\. It has "Sales \\"EU\\"",.* "public"/),
      problems: [
        { code: 'UNKNOWN_SCHEMA', object: 'schema sales' },
        { code: 'UNKNOWN_SCHEMA', object: 'schema x"y' },
      ],
    })
  })

  it('takes names of schemas as data', async () => {
    const schemas = ["public'; drop table times; --", 'pub%', 'PUBLIC', '{public}', '']
    const reading = readCatalogue(opened.owner, { schemas })
    await expect(reading).rejects.toMatchObject({ code: 'CATALOGUE_UNREADABLE' })
    await expect(reading).rejects.toSatisfy(
      (error: unknown) => error instanceof TenantryError && error.problems.length === schemas.length,
    )
  })

  it('refuses a server older than PostgreSQL 14 before it reads anything', async () => {
    const sent: string[] = []
    const reading = readCatalogue(async (text) => {
      sent.push(text)
      return { rows: [{ version: '130023' }] }
    })
    await expect(reading).rejects.toMatchObject({
      code: 'CATALOGUE_UNREADABLE',
      message: expect.stringContaining('PostgreSQL 13'),
    })
    expect(sent).toHaveLength(1)
  })

  it('says so where the system catalogue is closed to the role', async () => {
    await opened.superuser('revoke select on pg_catalog.pg_policy from public')
    try {
      const reading = readCatalogue(opened.app)
      await expect(reading).rejects.toMatchObject({
        code: 'CATALOGUE_UNREADABLE',
        message: expect.stringContaining('pg_policy'),
        cause: { code: '42501' },
      })
      expect(await inTransaction(opened.app)).toBe(false)
    } finally {
      await opened.superuser('grant select on pg_catalog.pg_policy to public')
    }
  })

  it('refuses a query function that changes connections, or wraps each statement in a transaction', async () => {
    const oneConnection = { code: 'CATALOGUE_UNREADABLE', message: expect.stringContaining('one connection') }
    await withConnection(async (first) => {
      await withConnection(async (second) => {
        let turn = 0
        const alternating: Query = (text, values) => (turn++ % 2 === 0 ? first : second)(text, values)
        await expect(readCatalogue(alternating)).rejects.toMatchObject(oneConnection)
      })
    })
    await expect(readCatalogue(opened.as('1'))).rejects.toMatchObject(oneConnection)
  })

  it('passes on the first error, not what failed in its wake', async () => {
    const [first, second] = [new Error('first'), new Error('second')]
    await withConnection(async (query) => {
      const reading = readCatalogue(async (text, values) => {
        if (text === 'ROLLBACK') throw second
        if (text.includes('pg_policy')) throw first
        return query(text, values)
      })
      await expect(reading).rejects.toBe(first)
    })
  })
})

it('does not wait for ever for a table that somebody has locked', () =>
  withConnection(async (holder) => {
    await holder('begin')
    await holder('lock table parent in access exclusive mode')
    await expect(readCatalogue(opened.owner, { lockTimeout: 50 })).rejects.toMatchObject({
      code: 'CATALOGUE_UNREADABLE',
      message: expect.stringContaining('did not let go within 50 ms'),
    })
    await holder('rollback')
    expect(tableOf(await readCatalogue(opened.owner, { lockTimeout: 50 }), 'parent').name).toBe('parent')
  }))
