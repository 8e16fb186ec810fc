import { afterEach, expect, it } from 'vitest'
import type { Catalogue, Table } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { withoutSizes } from '../../src/catalogue/without-sizes.ts'
import { identifier, qualified } from '../../src/identifiers.ts'
import type { Query } from '../../src/query.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { tableOf } from './support/find.ts'

const databases: OpenDatabase[] = []

afterEach(async () => {
  for (const database of databases.splice(0)) await database.close()
})

async function open(setup: string): Promise<OpenDatabase> {
  const opened = await openDatabase('catalogue-comparing', setup)
  databases.push(opened)
  return opened
}

/** Without what differs between databases, and without the roles, which tests that run at the same time make. */
async function comparable(query: Query, schemas?: readonly string[]): Promise<Catalogue> {
  const catalogue = withoutSizes(await readCatalogue(query, schemas && { schemas }))
  return { ...catalogue, roles: [], database: { ...catalogue.database, name: '' } }
}

const types = `create schema tenantry; create domain code as text;
  create function tenantry.tenant_id() returns int language sql stable return 1;`
const parent = 'create table parent (id int primary key, tenant_id int, unique (tenant_id, id));'
const child = `create table child (id serial primary key, tenant_id int, parent_id int, code code check (code <> ''),
  constraint to_parent foreign key (tenant_id, parent_id) references parent (tenant_id, id) match full on delete cascade);`
const partitions = `create table parts (id int, at date, primary key (id, at)) partition by range (at);
  create table parts_a partition of parts for values from ('2024-01-01') to ('2025-01-01');
  create table parts_b partition of parts for values from ('2025-01-01') to ('2026-01-01');
  create table of_parts (id int, at date, constraint to_parts foreign key (id, at) references parts);`
const seenView = 'create view seen as select child.id from child join parent on parent.id = parent_id;'
const childIndexes = [
  'create index on child (lower(code));',
  'create unique index on child (parent_id) where id > 0;',
]
const policies = [
  'create policy a on child to tenantry_system, tenantry_app using (tenant_id = (select tenantry.tenant_id()));',
  'create policy b on child as restrictive using (tenant_id = (select tenantry.tenant_id()));',
]
const grants = ['grant select, insert on child to tenantry_app;', 'grant select on child to tenantry_system;']
const setup = [types, parent, child, partitions, ...childIndexes, ...policies, ...grants, seenView].join('')

it('gives deeply equal catalogues for equal databases, whatever order they were made in', async () => {
  const one = await open(setup)
  const other = await open(
    [
      'create table gone (id int); drop table gone;',
      types,
      partitions,
      parent,
      child,
      ...[childIndexes, policies, grants].flatMap((statements) => statements.toReversed()),
      seenView,
    ].join(''),
  )
  await other.owner('insert into parent select number from generate_series(1, 1000) as number')
  await other.owner('analyze')
  expect(await comparable(other.owner)).toEqual(await comparable(one.owner))
  expect(await readCatalogue(other.owner)).not.toMatchObject({
    tables: (await readCatalogue(one.owner)).tables,
  })
})

it('shows each difference', async () => {
  const { owner } = await open(setup)
  const before = await comparable(owner)
  const changes: readonly string[] = [
    "alter table child alter column code set default ''",
    'alter table parent enable row level security',
    'alter table parent force row level security',
    'alter table child drop constraint child_code_check',
    'alter table child alter constraint to_parent deferrable',
    'alter index child_lower_idx rename to lowered',
    'alter policy a on child to tenantry_app',
    'alter policy a on child using (true)',
    'revoke insert on child from tenantry_app',
    'grant select (id) on parent to tenantry_app',
    'alter view seen set (security_barrier)',
    'alter function tenantry.tenant_id() security definer',
    'alter sequence child_id_seq owned by none',
    'alter table parts detach partition parts_b',
    'create schema other',
  ]
  await owner('begin')
  const unseen: string[] = []
  for (const change of changes) {
    await owner('savepoint before_change')
    await owner(change)
    const seen = JSON.stringify(await comparable(owner)) !== JSON.stringify(before)
    if (!seen) unseen.push(change)
    await owner('rollback to before_change')
  }
  await owner('rollback')
  // A schema that is not read is the one thing that may change unseen.
  expect(unseen).toEqual(['create schema other'])
  expect(await comparable(owner)).toEqual(before)
})

/** Drops everything that has a definition, and makes it again from that. */
async function dropAndDefine(query: Query, { tables }: Catalogue): Promise<void> {
  for (const statement of [...tables.flatMap(dropping), ...tables.flatMap(definingAll)])
    await query(statement)
  for (const table of tables)
    for (const { name, definition } of own(table.foreignKeys)) await query(adding(table, name, definition))
}

/** Foreign keys first: others' keys depend on what they reference. */
function dropping(table: Table): readonly string[] {
  const names = [...own(table.foreignKeys), ...own(table.checks)].map(({ name }) => name)
  return names.map((name) => `alter table ${qualified(table)} drop constraint ${identifier(name)}`)
}

function definingAll(table: Table): readonly string[] {
  const { schema } = table
  return [
    ...own(table.checks).map(({ name, definition }) => adding(table, name, definition)),
    ...own(table.indexes).flatMap(({ name, constraint, definition }) =>
      constraint
        ? [
            `alter table ${qualified(table)} drop constraint ${identifier(name)}`,
            adding(table, name, constraint.definition),
          ]
        : [`drop index ${qualified({ schema, name })}`, definition.replace(' ON ONLY ', ' ON ')],
    ),
  ]
}

function adding(table: Table, name: string, definition: string): string {
  return `alter table ${qualified(table)} add constraint ${identifier(name)} ${definition}`
}

function own<T extends { readonly inherited: boolean }>(parts: readonly T[]): readonly T[] {
  return parts.filter(({ inherited }) => !inherited)
}

it('gives definitions that make the same again, under any search path', async () => {
  const { owner } = await open(setup)
  const before = await comparable(owner)
  await owner('create schema elsewhere')
  await owner('set search_path = elsewhere')
  await dropAndDefine(owner, before)
  expect(await comparable(owner)).toEqual(before)
})

const hostileNames = [
  'select',
  'Upper Case',
  'with "quotes"',
  "it's",
  'dotted.name',
  '100%s %I',
  'ünïcödé 表 🐘',
  String.raw`back\slash`,
  '$1',
  'a USING btree (b) WHERE (true)',
  ' leading and trailing ',
  'line\nbreak',
]

it('takes every name as it is: quotes, reserved words, spaces, dots, percent signs, line breaks', async () => {
  const { owner, superuser } = await open('')
  for (const name of hostileNames) {
    const quoted = `"${name.replaceAll('"', '""')}"`
    await superuser(`create schema ${quoted} authorization tenantry_owner`)
    await owner(`
      create domain ${quoted}.${quoted.slice(0, -1)} type" as int;
      create function ${quoted}.${quoted}(int) returns bool language sql immutable return $1 > 0;
      create table ${quoted}.parent (${quoted} int primary key);
      create table ${quoted}.${quoted} (
        ${quoted} ${quoted}.${quoted.slice(0, -1)} type" not null, other int,
        constraint key foreign key (${quoted}) references ${quoted}.parent (${quoted}) on delete cascade,
        constraint ${quoted} check (${quoted}.${quoted}(${quoted}))
      );
      create unique index "i ${quoted.slice(1)} on ${quoted}.${quoted} (${quoted}, ${quoted}.${quoted}(other))
        where ${quoted}.${quoted}(other);
      create policy ${quoted} on ${quoted}.${quoted} using (${quoted}.${quoted}(${quoted}));
      create view ${quoted}.${quoted.slice(0, -1)} view" as select * from ${quoted}.${quoted};
      grant select (${quoted}) on ${quoted}.${quoted} to tenantry_app;
    `)
  }
  const catalogue = await comparable(owner, hostileNames)
  const found = catalogue.tables.filter(({ name }) => name !== 'parent')
  expect(found.map(({ name }) => name)).toEqual(hostileNames.toSorted(byBytes))
  for (const { schema, name, ...table } of found) {
    const self = { schema: name, name }
    expect(schema).toBe(name)
    expect(table.columns[0]).toMatchObject({ name, baseType: 'integer' })
    expect(table.checks).toMatchObject([{ name }])
    expect(table.foreignKeys).toMatchObject([
      {
        name: 'key',
        columns: [name],
        references: { schema: name, name: 'parent' },
        referencedColumns: [name],
      },
    ])
    expect(table.indexes).toMatchObject([{ name: `i ${name}`, columns: [name, null] }])
    expect(table.indexes[0]?.body).toMatch(/^\(/)
    expect(`${table.indexes[0]?.definition}`.endsWith(` USING btree ${table.indexes[0]?.body}`)).toBe(true)
    expect(table.policies).toMatchObject([{ name }])
    expect(table.columnGrants).toMatchObject([{ column: name, grantee: 'tenantry_app' }])
    expect(catalogue.views.find((view) => view.schema === name)).toMatchObject({
      name: `${name} view`,
      uses: [self],
      reaches: [self],
    })
    expect(catalogue.functions.find((item) => item.schema === name)).toMatchObject({ name })
  }
  await dropAndDefine(owner, catalogue)
  expect(await comparable(owner, hostileNames)).toEqual(catalogue)
})

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

it('sets rows and pages to 0, and leaves everything else, in withoutSizes', async () => {
  const { owner } = await open('create table counted (id int); create table other (id int)')
  await owner('insert into counted select number from generate_series(1, 10000) as number')
  await owner('analyze counted')
  const catalogue = await readCatalogue(owner)
  const bare = withoutSizes(catalogue)
  const sizes = ({ tables }: Catalogue) => tables.map(({ estimatedRows, pages }) => [estimatedRows, pages])
  expect(sizes(catalogue)).toEqual([
    [10_000, tableOf(catalogue, 'counted').pages],
    [-1, 0],
  ])
  expect(tableOf(catalogue, 'counted').pages).toBeGreaterThan(10)
  expect(sizes(bare)).toEqual([
    [0, 0],
    [0, 0],
  ])
  const tables = bare.tables.map((table, at) => {
    const { estimatedRows = 0, pages = 0 } = catalogue.tables[at] ?? {}
    return { ...table, estimatedRows, pages }
  })
  expect({ ...bare, tables }).toEqual(catalogue)
})
