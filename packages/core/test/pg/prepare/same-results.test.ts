import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantPool } from '../../../src/pg/index.ts'
import { openPool } from '../support/open-pool.ts'
import { inTenant, tenancy } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Enough for the statement to be prepared, used without Describe, and to have a generic plan. */
const USES = 9

// The server puts the name, which is empty without prepare, into one message.
const OUR_NAME = /"tenantry_[0-9a-f]{32}"/

type Statement = string | (pg.QueryConfig & { rowMode?: 'array' })

/** Everything that a caller gets, of a result or an error. */
async function everythingOf(query: Promise<pg.QueryResult>): Promise<unknown> {
  try {
    const { command, rowCount, rows, fields } = await query
    return { command, rowCount, rows: rows as unknown, fields: fields.map((field) => ({ ...field })) }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) return String(error)
    const { code, message, severity, position, detail, hint, where, constraint, table, column, routine } =
      error
    return {
      code,
      message: message.replace(OUR_NAME, '""'),
      severity,
      position,
      detail,
      hint,
      where,
      constraint,
      table,
      column,
      routine,
    }
  }
}

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

const byteParsers = {
  getTypeParser: (oid: number) => (text: string | Buffer) => `${oid}:${String(text)}`,
}

const statements: readonly (readonly [title: string, statement: Statement, values?: readonly unknown[]])[] = [
  ['no rows', 'select name from projects where false'],
  ['no columns', 'select from projects'],
  [
    'one of each type',
    `select 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 1.25::numeric, true, 'x'::text,
    'v'::varchar(5), 'c'::char(3), '\\xdeadbeef'::bytea, '2020-02-29'::date, '2020-02-29 12:34:56'::timestamp,
    '2020-02-29 12:34:56+02'::timestamptz, '12:34'::time, '1 day 2 hours'::interval, '{"a":[1,2]}'::json,
    '{"b":null}'::jsonb, gen_random_uuid() is not null, '10.0.0.1'::inet, '(1,2)'::point, null::int, null`,
  ],
  [
    'arrays',
    `select array[1,2,null]::int[], array['a','b,"c\\']::text[], '{{1,2},{3,4}}'::int[][], '{}'::int[],
    array['2020-01-01'::date], array[true,false], array['{"a":1}'::jsonb]`,
  ],
  ['duplicate column names', 'select 1 as a, 2 as a, 3 as b'],
  ['columns without names', 'select 1, 2, $1::int', [3]],
  ['rows as arrays', { text: 'select 1 as a, 2 as a, name from projects order by name', rowMode: 'array' }],
  ['rows as arrays, none', { text: 'select 1 as a, 2 as a where false', rowMode: 'array' }],
  ['parsers of its own', { text: "select 1 as a, 'x' as b, '\\x00'::bytea as c", types: byteParsers }],
  ['nulls as values', 'select $1::int as a, $2::text as b, $3::bytea as c', [null, undefined, null]],
  ['buffers as values', 'select $1::bytea as a, length($1) as b', [Buffer.from([0, 1, 255, 10])]],
  ['a Uint8Array as value', 'select $1::bytea as a', [new Uint8Array([5, 6, 7]).subarray(1)]],
  [
    'dates as values',
    'select $1::timestamptz as a, $1::date as b',
    [new Date(Date.UTC(2020, 1, 29, 12, 34, 56, 789))],
  ],
  [
    'arrays as values',
    'select $1::int[] as a, $2::text[] as b',
    [
      [1, null, 3],
      ['x', 'y"z', null, 'a,b'],
    ],
  ],
  [
    'nested arrays as values',
    'select $1::int[][] as a',
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ],
  ['an empty array as value', 'select $1::text[] as a, cardinality($1) as b', [[]]],
  ['objects as values', 'select $1::jsonb as a, $2::json as b', [{ x: [1, { y: null }] }, { z: 'é☃' }]],
  [
    'toPostgres as value',
    'select $1::text as a',
    [{ toPostgres: (prepare: (value: unknown) => unknown) => prepare([1, 2]) }],
  ],
  ['booleans as values', 'select $1::bool as a, $2::text as b', [true, false]],
  [
    'big and small numbers as values',
    'select $1::int8 as a, $2::float8 as b, $3::numeric as c',
    [9_007_199_254_740_993n, -0.1, '1e-30'],
  ],
  [
    'texts with everything',
    'select $1::text as a, length($1) as b',
    ['\'; drop table projects; -- \\ " é ☃ 😀 \n\t'],
  ],
  ['an empty text as value', "select $1::text as a, $1 = '' as b", ['']],
  ['a type that the server infers', 'select $1 as a, $2 || $3 as b', ['x', 'y', 'z']],
  ['values in another order', 'select $2::int as second, $1::int as first, $2 as again', [1, 2]],
  ['WITH', 'with a as (select generate_series(1, 3) as n) select sum(n), max(n)::text from a'],
  ['VALUES', "values (1, 'a'), (2, 'b')"],
  ['a comment ahead', '/* who */ select 1 as one -- why'],
  ['a comment ahead by line', '-- who\nselect 1 as one'],
  ['a semicolon behind', 'select 1 as one;'],
  ['a semicolon in a text', "select 'a;b' as a, $1::text as b", [';']],
  ['a long text', `select '${'x'.repeat(50_000)}' as a`],
  ['a dollar quote', 'select $$a$1;b$$ as a'],
  ['INSERT without RETURNING', "insert into projects (name) values ('written')"],
  ['INSERT of several', "insert into projects (name) select 'written' from generate_series(1, 3)"],
  [
    'INSERT with RETURNING',
    'insert into projects (name) values ($1) returning tenant_id, name, status',
    ['written'],
  ],
  ['INSERT of nothing with RETURNING', "insert into projects (name) select 'x' where false returning name"],
  ['UPDATE without RETURNING', "update projects set status = $1 where name = 'project 1'", ['on']],
  ['UPDATE of nothing', "update projects set status = 'on' where false"],
  [
    'UPDATE with RETURNING',
    "update projects set status = $1 where name = 'project 1' returning name, status",
    ['off'],
  ],
  ['DELETE', "delete from projects where name = 'written'"],
  ['DELETE with RETURNING', "delete from projects where name = 'written' returning name"],
  [
    'WITH that writes',
    "with w as (insert into projects (name) values ('written') returning name) select name from w",
  ],
  [
    'MERGE',
    `merge into projects as p using (values ('project 1')) as v (name) on p.name = v.name
    when matched then update set status = 'merged'`,
  ],
  ['a query that fails to parse', 'select from where'],
  ['a query with a wrong column', 'select name, nothing from projects'],
  ['a query with a wrong table', 'select * from nowhere where n = $1', [1]],
  ['a query that may not', 'select * from pg_authid'],
  ['a write that may not', "insert into plans values (9, 'x')"],
  ['a division by zero', 'select 1 / $1::int as a', [0]],
  ['a failure at the third row', 'select 1 / (3 - n) as a from generate_series(1, 5) as n'],
  ['a value of the wrong type', 'select $1::int as a', ['x']],
  ['too few values', 'select $1::int, $2::int', [1]],
  ['too many values', 'select $1::int', [1, 2]],
  ['a duplicate key', 'insert into tenants (id, name) select id, name from tenants'],
  ['a row of another tenant', "insert into projects (tenant_id, name) values (gen_random_uuid(), 'x')"],
  ['a failing function', "select current_setting('no.such')"],
  ['a type that cannot be inferred', 'select $1', [1]],
]

/** Runs a statement again and again, each time on the same rows. */
async function useRepeatedly(pool: TenantPool, statement: Statement, values?: unknown[]): Promise<unknown[]> {
  const client = await pool.connect()
  const use = () => everythingOf(client.query(statement as string, values))
  try {
    const results: unknown[] = []
    for (let times = 0; times < USES; times += 1) {
      await client.query('begin')
      results.push(await use())
      await client.query('rollback')
    }
    // And outside of a transaction.
    results.push(await use())
    await client.query("delete from projects where name = 'written'")
    await client.query("update projects set status = 'active'")
    return results
  } finally {
    client.release()
  }
}

describe('with prepare', () => {
  const pools: TenantPool[] = []
  beforeAll(() => {
    for (const prepare of [false, true]) {
      pools.push(new TenantPool({ tenancy, connectionString: database.urls.app, max: 1, prepare }))
    }
  })
  afterAll(() => Promise.all(pools.map((pool) => pool.end())))

  test.for(statements)('%s: the same as without, on every use', ([, statement, values]) =>
    inTenant(1, async () => {
      const results: unknown[] = []
      for (const pool of pools) results.push(await useRepeatedly(pool, statement, values && [...values]))
      const [without, withPrepare] = results
      expect(withPrepare).toEqual(without)
    }),
  )

  test('one statement given many values: the same as without', () =>
    inTenant(2, async () => {
      const random = numbers(20_24)
      const one = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
      const anyValue: (() => unknown)[] = [
        () => null,
        () => Math.floor(random() * 1e9) - 5e8,
        () => random() * 1e6,
        () => String.fromCodePoint(...Array.from({ length: 5 }, () => 1 + Math.floor(random() * 0xd7fe))),
        () => Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256))),
        () => new Date(Math.floor(random() * 4e12)),
        () => Array.from({ length: Math.floor(random() * 4) }, () => one(['a', null, 'b"', '{}'])),
        () => ({ nested: { list: [1, random() < 0.5] } }),
        () => random() < 0.5,
        () => '',
      ]
      const casts = ['text', 'int', 'jsonb', 'bytea', 'text[]', 'timestamptz', 'bool', 'float8']
      const clients = await Promise.all(pools.map((pool) => pool.connect()))
      for (let round = 0; round < 400; round += 1) {
        const cast = one(casts)
        const text = `select $1::${cast} as value, name from projects where name <= $2 order by name`
        const values = [one(anyValue)(), one(['project 1', 'project 2', '', 'zzz'])]
        const [without, withPrepare] = await Promise.all(
          clients.map((client) => everythingOf(client.query(text, values))),
        )
        expect(withPrepare).toEqual(without)
      }
      for (const client of clients) client.release()
    }))

  test('parsers of the pool and of a client, set in between: the same as without', () =>
    inTenant(2, async () => {
      const types = { getTypeParser: (oid: number) => (text: string | Buffer) => `${oid} ${String(text)}` }
      const results = []
      for (const prepare of [false, true]) {
        const parsing = openPool({ connectionString: database.urls.app, max: 1, prepare, types })
        const pool = openPool({ connectionString: database.urls.app, max: 1, prepare })
        const client = await pool.connect()
        const rows: unknown[] = []
        for (let use = 0; use < 6; use += 1) {
          client.setTypeParser(pg.types.builtins.INT4, (text: string) => `use ${use}: ${text}`)
          rows.push(
            (await client.query('select 1 as one')).rows[0],
            (await parsing.query('select 1 as one')).rows[0],
          )
        }
        client.release()
        results.push(rows)
      }
      expect(results[1]).toEqual(results[0])
      expect(results[1]?.slice(-2)).toEqual([{ one: 'use 5: 1' }, { one: '23 1' }])
    }))

  test('what a caller does to one result never shows in the next', () =>
    inTenant(3, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
      const text = 'select name, status from projects order by name limit 1'
      for (let use = 0; use < 5; use += 1) {
        const { rows, fields } = await pool.query<{ name: string; status: string }>(text)
        expect(rows).toEqual([{ name: 'project 1', status: 'active' }])
        expect(fields.map(({ name }) => name)).toEqual(['name', 'status'])
        for (const field of fields) field.name = field.name.toUpperCase()
        fields.length = 1
        rows.length = 0
      }
    }))

  test('row events come as without', () =>
    inTenant(4, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1, prepare: true })
      for (let use = 0; use < 4; use += 1) {
        const client = await pool.connect()
        const names = await new Promise<unknown[]>((resolve, reject) => {
          const seen: unknown[] = []
          const query = new pg.Query('select name from projects order by name') as unknown as pg.Submittable &
            NodeJS.EventEmitter
          query.on('row', (row: { name: string }) => seen.push(row.name))
          query.on('end', () => resolve(seen))
          query.on('error', reject)
          client.query(query)
        })
        client.release()
        expect(names).toEqual(['project 1', 'project 2', 'project 3'])
      }
    }))
})
