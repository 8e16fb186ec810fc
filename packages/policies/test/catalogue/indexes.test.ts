import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue, Index } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { only, tableOf } from './support/find.ts'

const setup = `
  create function tidy(text) returns text language sql immutable as 'select lower($1)';
  create table items (
    id int primary key, a int, b text, c text, d int4range, e tsvector,
    constraint "a and b" unique (a, b) include (c) deferrable initially deferred,
    constraint soon unique (b) deferrable,
    constraint apart exclude using gist (d with &&) where (a > 0)
  );
  create unique index bare on items (c, a desc nulls last) include (id, b) where b is not null;
  create index by_expression on items (tidy(b), a, (a + 1)) where tidy(c) <> 'x';
  create index by_word on items using gin (e);
  create index collated on items (b collate "C" text_pattern_ops) with (fillfactor = 70);

  create table parts (id int, at date, primary key (id, at)) partition by range (at);
  create table parts_a partition of parts for values from ('2024-01-01') to ('2025-01-01');
  create index half_done on only parts (at);
  create index whole on parts (at, id);
  create index only_here on parts_a (id);
`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-indexes', setup)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(() => opened.close())

function indexOf(table: string, name: string): Index {
  return only(tableOf(catalogue, table).indexes, name)
}

const plain = {
  method: 'btree',
  unique: false,
  primary: false,
  constraint: null,
  included: [],
  partial: false,
  nullsNotDistinct: false,
  valid: true,
  replicaIdentity: false,
  inherited: false,
  predicate: null,
} as const

it('lists all indexes by name, those behind constraints too', () => {
  expect(tableOf(catalogue, 'items').indexes.map(({ name }) => name)).toEqual([
    'a and b',
    'apart',
    'bare',
    'by_expression',
    'by_word',
    'collated',
    'items_pkey',
    'soon',
  ])
})

it('gives primary keys and unique constraints', () => {
  expect(indexOf('items', 'items_pkey')).toEqual({
    ...plain,
    name: 'items_pkey',
    unique: true,
    primary: true,
    constraint: {
      name: 'items_pkey',
      type: 'primary',
      definition: 'PRIMARY KEY (id)',
      deferrable: false,
      initiallyDeferred: false,
    },
    columns: ['id'],
    definition: 'CREATE UNIQUE INDEX items_pkey ON public.items USING btree (id)',
    body: '(id)',
  })
  expect(indexOf('items', 'a and b')).toEqual({
    ...plain,
    name: 'a and b',
    unique: true,
    constraint: {
      name: 'a and b',
      type: 'unique',
      definition: 'UNIQUE (a, b) INCLUDE (c) DEFERRABLE INITIALLY DEFERRED',
      deferrable: true,
      initiallyDeferred: true,
    },
    columns: ['a', 'b'],
    included: ['c'],
    definition: 'CREATE UNIQUE INDEX "a and b" ON public.items USING btree (a, b) INCLUDE (c)',
    body: '(a, b) INCLUDE (c)',
  })
  expect(indexOf('items', 'soon').constraint).toMatchObject({ deferrable: true, initiallyDeferred: false })
})

it('gives exclusion constraints', () => {
  expect(indexOf('items', 'apart')).toEqual({
    ...plain,
    name: 'apart',
    method: 'gist',
    constraint: {
      name: 'apart',
      type: 'exclusion',
      definition: 'EXCLUDE USING gist (d WITH &&) WHERE ((a > 0))',
      deferrable: false,
      initiallyDeferred: false,
    },
    columns: ['d'],
    partial: true,
    definition: 'CREATE INDEX apart ON public.items USING gist (d) WHERE (a > 0)',
    body: '(d) WHERE (a > 0)',
    predicate: '(a > 0)',
  })
})

it('gives unique indexes without a constraint: partial, descending, with included columns', () => {
  const body = '(c, a DESC NULLS LAST) INCLUDE (id, b) WHERE (b IS NOT NULL)'
  expect(indexOf('items', 'bare')).toEqual({
    ...plain,
    name: 'bare',
    unique: true,
    columns: ['c', 'a'],
    included: ['id', 'b'],
    partial: true,
    definition: `CREATE UNIQUE INDEX bare ON public.items USING btree ${body}`,
    body,
    predicate: '(b IS NOT NULL)',
  })
})

it('gives null in place of a column that is an expression, and names functions with their schema', () => {
  const body = "(public.tidy(b), a, ((a + 1))) WHERE (public.tidy(c) <> 'x'::text)"
  expect(indexOf('items', 'by_expression')).toEqual({
    ...plain,
    name: 'by_expression',
    columns: [null, 'a', null],
    partial: true,
    definition: `CREATE INDEX by_expression ON public.items USING btree ${body}`,
    body,
    predicate: "(public.tidy(c) <> 'x'::text)",
  })
})

it('keeps methods, collations, operator classes and storage parameters in the body', () => {
  expect(indexOf('items', 'by_word')).toMatchObject({ method: 'gin', body: '(e)' })
  expect(indexOf('items', 'collated')).toMatchObject({
    body: `(b COLLATE "C" text_pattern_ops) WITH (fillfactor='70')`,
  })
})

it('tells a partition that has an index of its own from one that takes part in its parent', () => {
  expect(indexOf('parts', 'whole')).toMatchObject({
    inherited: false,
    valid: true,
    definition: 'CREATE INDEX whole ON ONLY public.parts USING btree (at, id)',
    body: '(at, id)',
  })
  expect(
    tableOf(catalogue, 'parts_a').indexes.map(({ name, inherited, valid }) => [name, inherited, valid]),
  ).toEqual([
    ['only_here', false, true],
    ['parts_a_at_id_idx', true, true],
    ['parts_a_pkey', true, true],
  ])
})

it('shows a partitioned index as invalid until all partitions have theirs', () => {
  expect(indexOf('parts', 'half_done')).toMatchObject({ valid: false, columns: ['at'] })
})

it('shows what a failed CREATE INDEX CONCURRENTLY leaves behind as invalid', async () => {
  await opened.owner('create table twice (a int)')
  await opened.owner('insert into twice values (1), (1)')
  await expect(opened.owner('create unique index concurrently twice_a on twice (a)')).rejects.toThrow(
    /could not create unique index/,
  )
  const { indexes } = tableOf(await readCatalogue(opened.owner), 'twice')
  expect(indexes).toEqual([
    {
      ...plain,
      name: 'twice_a',
      unique: true,
      valid: false,
      columns: ['a'],
      definition: 'CREATE UNIQUE INDEX twice_a ON public.twice USING btree (a)',
      body: '(a)',
    },
  ])
})

it('knows NULLS NOT DISTINCT', async ({ skip }) => {
  skip(catalogue.serverVersion < 150_000, 'it came with PostgreSQL 15')
  await opened.owner('create table strict (a int, constraint strict_a unique nulls not distinct (a))')
  const { indexes } = tableOf(await readCatalogue(opened.owner), 'strict')
  expect(indexes).toMatchObject([
    {
      nullsNotDistinct: true,
      body: '(a) NULLS NOT DISTINCT',
      constraint: { definition: 'UNIQUE NULLS NOT DISTINCT (a)' },
    },
  ])
})

it('knows keys WITHOUT OVERLAPS', async ({ skip }) => {
  skip(catalogue.serverVersion < 180_000, 'they came with PostgreSQL 18')
  await opened.superuser('create extension btree_gist')
  await opened.owner(
    'create table stays (room int, during daterange, primary key (room, during without overlaps))',
  )
  const { indexes } = tableOf(await readCatalogue(opened.owner), 'stays')
  expect(indexes).toMatchObject([
    {
      method: 'gist',
      primary: true,
      columns: ['room', 'during'],
      constraint: { type: 'primary', definition: 'PRIMARY KEY (room, during WITHOUT OVERLAPS)' },
    },
  ])
})
