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
  dependents: [],
  columnLists: [],
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

it('names what keeps a key from being dropped, of any schema, but no foreign key of the tables read', async () => {
  await opened.superuser('create schema elsewhere authorization tenantry_owner')
  await opened.owner(`
    create table needed (id int primary key, a int unique, b int unique, c text);
    create table needed_here (needed_id int references needed);
    create table elsewhere."In Parts" (needed_id int constraint "to" references needed) partition by list (needed_id);
    create table elsewhere.part partition of elsewhere."In Parts" default;
    create view elsewhere."A view" as select id, a, b, c from needed group by id;
    create materialized view a_copy as select id, a, b, c from needed group by id;
    create view above as select * from a_copy;
    create function adds(int) returns void language sql begin atomic
      insert into needed values ($1) on conflict on constraint needed_a_key do nothing; end;
    create procedure adds() language sql begin atomic
      insert into needed values (1) on conflict on constraint needed_pkey do nothing; end;
    create rule adds as on insert to needed_here do also
      insert into needed values (new.needed_id) on conflict on constraint needed_pkey do nothing;
    create policy groups on needed using (exists (select id, c from needed group by id));
  `)
  const { indexes } = tableOf(await readCatalogue(opened.owner), 'needed')
  expect(Object.fromEntries(indexes.map(({ name, dependents }) => [name, dependents]))).toEqual({
    needed_a_key: ['function public.adds(integer)'],
    needed_b_key: [],
    needed_pkey: [
      'elsewhere.In Parts: to',
      'materialized view public.a_copy',
      'policy groups on public.needed',
      'procedure public.adds()',
      'rule adds on public.needed_here',
      'view elsewhere."A view"',
    ],
  })
  const all = await readCatalogue(opened.owner, { schemas: ['public', 'elsewhere'] })
  expect(only(tableOf(all, 'needed').indexes, 'needed_pkey').dependents).not.toContain(
    'elsewhere.In Parts: to',
  )
})

it('names what needs the part of a key on a partition, for it goes with the whole', async () => {
  await opened.superuser('create schema apart authorization tenantry_owner')
  await opened.owner(`
    create table pieces (id int primary key) partition by range (id);
    create table halves partition of pieces for values from (1) to (9) partition by range (id);
    create table half partition of halves for values from (1) to (5);
    create table apart.to_half (id int constraint to_half references half);
    create table apart.to_pieces (id int constraint to_pieces references pieces);
    create view grouped as select halves::text from halves group by id;
  `)
  const read = await readCatalogue(opened.owner)
  const dependents = ['pieces', 'halves', 'half'].map(
    (table) => only(tableOf(read, table).indexes, `${table}_pkey`).dependents,
  )
  expect(dependents).toEqual([
    ['apart.to_half: to_half', 'apart.to_pieces: to_pieces', 'view public.grouped'],
    ['apart.to_half: to_half', 'view public.grouped'],
    ['apart.to_half: to_half'],
  ])
})

it('gives the column lists of publications to what logical replication tells rows apart by', async ({
  skip,
}) => {
  skip(catalogue.serverVersion < 150_000, 'they came with PostgreSQL 15')
  await opened.owner(`
    create table listed (id int primary key, other int not null unique, more int, text text);
    create table chosen (id int primary key, other int not null unique, text text);
    alter table chosen replica identity using index chosen_other_key;
    create table complete (id int primary key, text text);
    alter table complete replica identity full;
    create table split (id int primary key, text text) partition by range (id);
    create table split_a partition of split for values from (1) to (9);
  `)
  await opened.superuser(`
    create publication p for table listed (id, text), chosen (other, text), complete (id);
    create publication also for table listed (more, id);
    create publication new_only for table listed (text) with (publish = 'insert');
    create publication whole for table split (id) with (publish_via_partition_root);
  `)
  const { tables } = await readCatalogue(opened.owner)
  const lists = tables.flatMap(({ indexes }) =>
    indexes.flatMap((index) =>
      index.columnLists.map(
        ({ publication, columns }) => `${index.name}: ${publication} (${columns.join(', ')})`,
      ),
    ),
  )
  expect(lists).toEqual([
    'chosen_other_key: p (other, text)',
    'listed_pkey: also (id, more)',
    'listed_pkey: p (id, text)',
    'split_pkey: whole (id)',
    'split_a_pkey: whole (id)',
  ])
})
