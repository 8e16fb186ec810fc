import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineTenancy, readCatalogue, type TenancyOptions } from '../../../src/index.ts'
import { identifier } from '../../../src/identifiers.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import { ownRows } from '../../../src/plan/tenant-condition.ts'
import { openDatabase, type OpenDatabase } from '../../support/open-database.ts'
import { expectRoundTrip } from './planning.ts'

interface Case {
  readonly name: string
  /** Of the tenant table's key, and of the column. */
  readonly types: readonly [string, string]
  readonly ids: readonly [string, string]
  readonly setup?: string
  readonly column?: string
  readonly setting?: string
}

const uuids = ['aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'] as const

const cases: readonly Case[] = [
  { name: 'uuid', types: ['uuid', 'uuid'], ids: uuids },
  { name: 'bigint', types: ['bigint', 'bigint'], ids: ['1', '9007199254740993'] },
  { name: 'integer', types: ['integer', 'integer'], ids: ['1', '2'] },
  { name: 'smallint', types: ['smallint', 'smallint'], ids: ['1', '2'] },
  { name: 'integer for a bigint key', types: ['bigint', 'integer'], ids: ['1', '2'] },
  { name: 'text', types: ['text', 'text'], ids: ["o'neill", 'b\\c'] },
  { name: 'character varying', types: ['varchar(40)', 'varchar(20)'], ids: ['acme', 'initech'] },
  {
    name: 'a domain',
    types: ['public."Tenant Id"', 'public."Tenant Id"'],
    ids: uuids,
    setup: 'create domain public."Tenant Id" as uuid;',
  },
  {
    name: 'a domain over character varying',
    types: ['public.slug', 'public.slug'],
    ids: ['acme', 'initech'],
    setup: 'create domain public.slug as varchar(20);',
  },
  {
    name: 'a domain over a domain over integer, for a bigint key',
    types: ['bigint', 'public.small'],
    ids: ['1', '2'],
    setup: 'create domain public.tiny as integer; create domain public.small as public.tiny;',
  },
  { name: 'a quoted column', types: ['uuid', 'uuid'], ids: uuids, column: 'the "Tenant" of größe' },
  { name: 'a reserved word', types: ['uuid', 'uuid'], ids: uuids, column: 'select' },
  { name: 'an odd setting', types: ['uuid', 'uuid'], ids: uuids, setting: 'my_app.tenant$1.current' },
]

describe.each(cases)('policies of $name', ({ types, ids, setup = '', column = 'tenant_id', setting }) => {
  let database: OpenDatabase
  const name = identifier(column)
  const options: TenancyOptions = {
    tenantTable: 'tenants',
    column,
    tables: { templates: 'shared+tenant' },
    ...(setting === undefined ? {} : { setting }),
  }
  beforeAll(async () => {
    database = await openDatabase(
      'policy-text',
      `${setup}
      create table tenants (id ${types[0]} primary key);
      create table notes (${name} ${types[1]} not null references tenants, id integer, primary key (${name}, id));
      create table templates (${name} ${types[1]} references tenants, id integer);`,
    )
    for (const id of ids) {
      await database.owner('insert into tenants values ($1)', [id])
      await database.owner('insert into notes values ($1, 1)', [id])
      await database.owner('insert into templates values ($1, 1)', [id])
    }
    await database.owner('insert into templates values (null, 0)')
  })
  afterAll(() => database.close())

  test('are recognised in the catalogue, so that a second plan is empty', async () => {
    await expectRoundTrip(database.owner, options)
  })

  test('separate tenants, and use the index', async () => {
    const as = database.as(ids[1], setting)
    expect((await as(`select ${name}::text as tenant from notes`)).rows).toEqual([{ tenant: ids[1] }])
    expect((await as('select id from templates order by 1')).rows).toEqual([{ id: 0 }, { id: 1 }])
    expect((await as('insert into notes (id) values (2) returning id')).rows).toHaveLength(1)
    const { rows } = await as(
      'set local enable_seqscan = off; set local enable_bitmapscan = off; explain (costs off) select * from notes where id = 1',
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    // PostgreSQL 17 and later write (InitPlan 1).col1, earlier ones $0.
    expect(plan).toMatch(/Index Cond: .*(InitPlan 1\)|\$0).* AND \(id = 1\)/)
    expect(plan.match(/^ *InitPlan \d/gm)).toHaveLength(1)
  })
})

test('names of settings with any character are written as PostgreSQL writes them', async () => {
  const database = await openDatabase(
    'policy-text-settings',
    'create table tenants (id uuid primary key); create table notes (tenant_id uuid not null references tenants)',
  )
  try {
    const tenancy = defineTenancy({ tenantTable: 'tenants' })
    const resolved = resolveTenancy(tenancy, await readCatalogue(database.owner, tenancy))
    for (const setting of ["app.o'neill", 'app.back\\slash', 'app."quoted"', 'app.größe', "app.\\'\\'"]) {
      const own = ownRows({ ...resolved, tenancy: { ...tenancy, setting } }, 'tenant_id')
      await database.owner(`create policy odd on notes using (${own.sql})`)
      const { rows } = await database.owner('select pg_get_expr(polqual, polrelid) as text from pg_policy')
      expect(rows).toEqual([{ text: own.deparsed }])
      await database.owner('drop policy odd on notes')
    }
  } finally {
    await database.close()
  }
})
