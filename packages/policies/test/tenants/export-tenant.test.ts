import { createHash } from 'node:crypto'
import pg from 'pg'
import { to } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResolvedTenancy } from '../../src/index.ts'
import type { Query, Row } from '../../src/query.ts'
import type { Copy } from '../../src/tenants/export-rows.ts'
import { exportTenant, type ExportOptions, type ExportProgress } from '../../src/tenants/export-tenant.ts'
import type { OpenDatabase } from '../support/open-database.ts'
import {
  acme,
  globex,
  openWorkshop,
  policies,
  rejection,
  resolve,
  workshopModel,
} from './support/workshop.ts'

let database: OpenDatabase
let tenancy: ResolvedTenancy
const clients: pg.Client[] = []

interface Connection {
  readonly query: Query
  readonly copy: Copy
}

async function connect(role: 'system' | 'app' | 'owner' | 'superuser'): Promise<Connection> {
  const client = new pg.Client({ connectionString: database.database.urls[role] })
  await client.connect()
  clients.push(client)
  return {
    query: (text, values) => client.query<Row>(text, values && [...values]),
    copy: (sql) => client.query(to(sql)),
  }
}

/** Values that lose something on most ways out of a database. */
const awkwardSchema = `
create type mood as enum ('fine', 'so, so');
create type point3 as (x numeric, "the y" text);
create table awkward (
  tenant_id uuid not null default tenantry.tenant_id(),
  t bigint not null,
  "tenantry ""row""" numeric, price numeric, at timestamptz, local timestamp, day date, span interval, bytes bytea, doc jsonb,
  raw json, words text[], grid int[][], mood mood, place point3, period tstzrange, money8 float8, text text, address inet,
  halved bigint generated always as (t / 2) stored, line int generated always as identity,
  primary key (tenant_id, t)
);
create table keyless (tenant_id uuid not null default tenantry.tenant_id(), text text);`

const awkwardRows = `
insert into awkward (tenant_id, t, "tenantry ""row""", price, at, local, day, span, bytes, doc, raw, words, grid, mood, place, period, money8, text, address) values
 ('${acme}', 9223372036854775807, 'NaN', 12345678901234567890.123456789012345678900, '2024-02-29 23:59:59.123456+05:45', '0044-03-15 12:00 BC',
  'infinity', '1 year 2 mons -3 days 04:05:06.789', '\\x00ff0a5c', '{"a": 1.10, "b": "\\\\ \\"quoted\\" \\n é \\u2028", "c": 123456789012345678901}',
  E'{\\n  "a" : 1,\\r\\n\\t"a" : "\\\\\\\\n"\\n}', array['a,b', null, 'c"d\\e', E'f\\ng'], '{{1,2},{3,4}}', 'so, so', row(1.50, 'a"b'),
  '[2024-01-01 00:00+00,)', 0.1, E'tab\\t back\\\\slash \\\\n newline\\n return\\r \\\\. \\x7f 🦄', '10.0.0.1/8'),
 ('${acme}', -1, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, '', null),
 ('${globex}', 1, 1, 1, now(), now(), now(), null, null, null, null, null, null, null, null, null, 1, 'globex', null);
insert into keyless values ('${acme}', 'one'), ('${acme}', E'\\\\.'), ('${globex}', 'other');`

beforeAll(async () => {
  ;({ database } = await openWorkshop('export-tenant'))
  await database.owner(awkwardSchema)
  await database.superuser(awkwardRows)
  await database.superuser(policies({ awkward: 'tenant_id', keyless: 'tenant_id' }))
  await database.superuser(
    'grant select, insert, update, delete on all tables in schema public to tenantry_system',
  )
  tenancy = await resolve(database.superuser, workshopModel)
})
afterAll(async () => {
  for (const client of clients) await client.end()
  await database.close()
})

async function exported(connection: Connection, options: Partial<ExportOptions> = {}): Promise<string> {
  let text = ''
  await exportTenant(connection.query, tenancy, acme, {
    ...options,
    write: (lines) => {
      text += lines
    },
  })
  return text
}

interface Line {
  readonly table: string
  readonly row: Readonly<Record<string, unknown>>
  /** Of the first line and of the last. */
  readonly tables: readonly { readonly table: string }[]
}

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

describe('an export', () => {
  test('begins with what it is, has a line for each row of the tenant, parents first, and ends with the counts', async () => {
    const system = await connect('system')
    const lines = linesOf(await exported(system))
    const [header, ...rows] = lines
    const end = rows.pop()

    expect(header).toMatchObject({ format: 'tenantry-export', version: 1, tenant: acme })
    expect(end).toMatchObject({ end: true, rows: rows.length })
    const names = (line: Line | undefined): unknown => line?.tables.map(({ table }) => table)
    expect(names(end)).toEqual(names(header))
    const order = [...new Set(rows.map(({ table }) => table))]
    expect(new Set(order)).toEqual(new Set(tenancy.tenantTables.map(({ table }) => `public.${table.name}`)))
    expect(order.indexOf('public.tasks')).toBeLessThan(order.indexOf('public.events'))
    expect(order.indexOf('public.labels')).toBeLessThan(order.indexOf('public.task_labels'))
    for (const { table, row } of rows) expect(row[table === 'public.tenants' ? 'id' : 'tenant_id']).toBe(acme)
    expect(rows.filter(({ table }) => table === 'public.notes')).toHaveLength(2)
    expect(rows.filter(({ table }) => table === 'public.events')).toHaveLength(6)
  })

  test('is the same, byte for byte, by COPY and by cursor, whatever the size of a batch and the session prefers', async () => {
    const plain = await connect('system')
    const other = await connect('system')
    await other.query(`set timezone to 'Asia/Kathmandu'; set datestyle to 'German'; set intervalstyle to 'sql_standard';
      set bytea_output to 'escape'; set extra_float_digits to -5`)
    const reference = await exported(plain)
    expect(reference).toContain('public.awkward')
    for (const batchSize of [1, 2, 7, 1000]) {
      expect(await exported(plain, { batchSize })).toBe(reference)
      expect(await exported(plain, { batchSize, copy: plain.copy })).toBe(reference)
      expect(await exported(other, { batchSize })).toBe(reference)
      expect(await exported(other, { batchSize, copy: other.copy })).toBe(reference)
    }
    expect((await other.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Kathmandu' }])
  })

  test('is the same for the same rows, wherever they lie in the table', async () => {
    const system = await connect('system')
    const reference = await exported(system)
    await database.superuser(
      `update tasks set title = title where id % 2 = 0; update "Users" set id = id where id < 3`,
    )
    expect(await exported(system)).toBe(reference)
  })

  test('by COPY survives chunks that end anywhere', async () => {
    const system = await connect('system')
    const reference = await exported(system)
    const byteByByte: Copy = async function* (sql) {
      for await (const chunk of await system.copy(sql))
        for (const byte of chunk as Uint8Array) yield Uint8Array.of(byte)
    }
    expect(await exported(system, { copy: byteByByte })).toBe(reference)
  })

  test('has exact values, from which PostgreSQL makes the same rows again', async () => {
    const system = await connect('system')
    const superuser = await connect('superuser')
    const text = await exported(system, { copy: system.copy })
    expect(text).toContain('"price":12345678901234567890.123456789012345678900')
    expect(text).toContain('"t":9223372036854775807')
    expect(text).toContain('"at":"2024-02-29T18:14:59.123456+00:00"')

    const [header, ...rest] = text.trimEnd().split('\n')
    await superuser.query('begin; create temporary table before as select * from awkward')
    await superuser.query('delete from awkward; delete from keyless')
    for (const { table, schema, name, columns } of JSON.parse(header ?? '').tables) {
      if (!['awkward', 'keyless'].includes(name)) continue
      const start = `{"table":${JSON.stringify(table)},"row":`
      const rows = rest.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length, -1))
      const target = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
      const list = columns.map((column: string) => pg.escapeIdentifier(column)).join(', ')
      await superuser.query(
        `insert into ${target} (${list}) overriding system value select ${list} from json_populate_recordset(null::${target}, $1::json)`,
        [`[${rows.join(',')}]`],
      )
    }
    // Of json the bytes are not kept, only what they mean: line breaks between tokens become spaces.
    const normal = `replace(replace(t::text, E'\\n', ' '), E'\\r', ' ')`
    const { rows } = await superuser.query(
      `select (select array_agg(${normal} order by t) from awkward as t) as after,
              (select array_agg(${normal} order by t) from before as t where tenant_id = $1) as before,
              (select array_agg(text order by text) from keyless) as keyless`,
      [acme],
    )
    await superuser.query('rollback')
    expect(rows[0]?.['before']).toHaveLength(2)
    expect(rows[0]?.['after']).toEqual(rows[0]?.['before'])
    expect(rows[0]?.['keyless']).toEqual(['\\.', 'one'])
  })

  test('can be of some tables only', async () => {
    const system = await connect('system')
    const lines = linesOf(await exported(system, { tables: ['tasks', 'public.tenants'] }))
    expect([...new Set(lines.slice(1, -1).map(({ table }) => table))]).toEqual([
      'public.tenants',
      'public.tasks',
    ])
    const refused = await rejection(exported(system, { tables: ['taks', 'plans'] }))
    expect(refused).toMatchObject({
      code: 'TENANCY_DOES_NOT_FIT',
      problems: [{ object: 'taks' }, { object: 'plans' }],
    })
    expect(refused.message).toContain('Did you mean "tasks"')
  })

  test('is of one moment, whatever is committed while it runs', async () => {
    const system = await connect('system')
    const reference = await exported(system)
    let text = ''
    await exportTenant(system.query, tenancy, acme, {
      batchSize: 1,
      write: (lines) => {
        text += lines
      },
      onProgress: async ({ allRows }) => {
        if (allRows === 1) await database.superuser(`insert into keyless values ('${acme}', 'late')`)
      },
    })
    await database.superuser(`delete from keyless where text = 'late'`)
    expect(text).toBe(reference)
  })
})

describe('20,000 rows', () => {
  const many = 20_000
  beforeAll(async () => {
    await database.superuser(
      `insert into events select '${acme}', '2024-05-01', n, 1 from generate_series(1000, ${999 + many}) n`,
    )
    // So that a plan by sequential scan, one by index and one in parallel are all possible.
    await database.superuser('analyze events')
  })
  afterAll(() => database.superuser(`delete from events where id >= 1000`))

  test('are never held but for a batch of them, and the next is read when the last is written', async () => {
    const system = await connect('system')
    const batchSize = 500
    const fetched: number[] = []
    /** Rows in memory whenever the next were asked for. */
    const unwritten: number[] = []
    let held = 0
    let most = 0
    let written = 0
    const counting: Query = async (text, values) => {
      const result = await system.query(text, values)
      if (text.startsWith('FETCH')) {
        unwritten.push(held)
        fetched.push(result.rows.length)
        held = result.rows.length
        most = Math.max(most, held)
      }
      return result
    }
    const progress: ExportProgress[] = []
    await exportTenant(counting, tenancy, acme, {
      batchSize,
      write: async (lines) => {
        await new Promise((resume) => setImmediate(resume))
        written += lines.split('\n').length - 1
        held = 0
      },
      onProgress: (each) => progress.push(each),
    })
    expect(most).toBe(batchSize)
    expect(new Set(unwritten)).toEqual(new Set([0]))
    expect(fetched.length).toBeGreaterThanOrEqual(many / batchSize)
    expect(written).toBe((progress.at(-1)?.allRows ?? 0) + 2)
    expect(progress.filter(({ table }) => table === 'public.events').at(-1)?.rows).toBe(many + 6)
  })

  test('by COPY are taken from the stream only as fast as they are written, and are the same', async () => {
    const system = await connect('system')
    const hash = async (options: Partial<ExportOptions>): Promise<string> => {
      const digest = createHash('sha256')
      const sizes: number[] = []
      let writing = false
      await exportTenant(system.query, tenancy, acme, {
        batchSize: 500,
        ...options,
        write: async (lines) => {
          expect(writing, 'one write at a time').toBe(false)
          writing = true
          await new Promise((resume) => setImmediate(resume))
          writing = false
          sizes.push(lines.split('\n').length - 1)
          digest.update(lines)
        },
      })
      expect(Math.max(...sizes)).toBe(500)
      return digest.digest('hex')
    }
    let ahead = 0
    const counted: Copy = async function* (sql) {
      for await (const chunk of await system.copy(sql)) {
        ahead += 1
        yield chunk
      }
    }
    const byCopy = await hash({ copy: counted })
    expect(ahead).toBeGreaterThan(10)
    expect(byCopy).toBe(await hash({}))
  })

  test('of which writing fails leave the connection fit for the next statement', async () => {
    const system = await connect('system')
    for (const copy of [undefined, system.copy]) {
      let pieces = 0
      const failed = exportTenant(system.query, tenancy, acme, {
        batchSize: 100,
        ...(copy ? { copy } : {}),
        write: () => {
          pieces += 1
          if (pieces === 20) throw new Error('disk full')
        },
      })
      await expect(failed).rejects.toThrow('disk full')
      expect(
        (await system.query('select now() = statement_timestamp() as idle, 1 as one')).rows[0],
      ).toMatchObject({ one: 1 })
      expect(
        (await system.query(`select current_setting('app.current_tenant_id', true) as id`)).rows[0]?.['id'],
      ).not.toBe(acme)
    }
  })
})

describe('who exports', () => {
  test('the application role may, for the tenant acts for itself: the same rows, and the tables are named', async () => {
    const app = await connect('app')
    const system = await connect('system')
    const text = await exported(app, { copy: app.copy })
    // Labels of nobody are shown to everybody, and are not the tenant's.
    expect(text).toBe(await exported(system))
    const { filteredBy } = await exportTenant(app.query, tenancy, acme, { write: () => {} })
    expect(filteredBy).toContain('public.tasks')
    expect((await exportTenant(system.query, tenancy, acme, { write: () => {} })).filteredBy).toEqual([])
  })

  test('an owner whom policies are forced on may not: it would see nothing, without an error', async () => {
    const owner = await connect('owner')
    expect((await owner.query('select * from tasks')).rows).toEqual([])
    const refused = await rejection(exported(owner))
    expect(refused).toMatchObject({ code: 'OFFBOARDING_REFUSED' })
    expect(refused.problems.map(({ object }) => object)).toContain('public.tasks')
  })

  test('COPY over another connection is noticed', async () => {
    const system = await connect('system')
    const other = await connect('system')
    await expect(exported(system, { copy: other.copy })).rejects.toMatchObject({ code: 'TRANSACTION_LOST' })
  })

  test('a transaction of the caller is used if it sees one state, and left as it was', async () => {
    const system = await connect('system')
    const reference = await exported(system)
    await system.query('begin isolation level repeatable read')
    await system.query(`select set_config('timezone', 'Asia/Tokyo', true)`)
    expect(await exported(system, { copy: system.copy })).toBe(reference)
    expect((await system.query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Tokyo' }])
    expect((await system.query(`select current_setting('app.current_tenant_id') as id`)).rows).toEqual([
      { id: '' },
    ])
    await system.query('rollback')

    await system.query('begin')
    await expect(exported(system)).rejects.toMatchObject({ code: 'OFFBOARDING_REFUSED' })
    await system.query('rollback')
  })

  test('a transaction that acts for another tenant is refused', async () => {
    const app = await connect('app')
    await app.query('begin isolation level repeatable read')
    await app.query(`select set_config('app.current_tenant_id', $1, true)`, [globex])
    await expect(exported(app)).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
    await app.query('rollback')
  })

  test('a tenant that does not exist is an error, not an empty file', async () => {
    const system = await connect('system')
    const pieces: string[] = []
    const nobody = '00000000-0000-4000-8000-000000000000'
    const failed = exportTenant(system.query, tenancy, nobody, { write: (lines) => pieces.push(lines) })
    await expect(failed).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
    expect(pieces).toEqual([])
  })
})
