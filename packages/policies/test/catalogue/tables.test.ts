import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { functionOf, grantLines, tableOf } from './support/find.ts'

const setup = `
  create table plain (id int primary key, note text);
  create table "order" (id int);
  create schema other;
  create table other.base (id int);
  create table base (id int);
  create table heir (extra int) inherits (other.base, base);

  create table events (id int not null, at date not null, region text) partition by range (at, lower(region));
  create table events_2024 partition of events for values from ('2024-01-01', 'a') to ('2025-01-01', 'a')
    partition by list (region);
  create table events_2024_eu partition of events_2024 for values in ('eu');
  create table other.events_default partition of events default;

  create table secured (id int);
  alter table secured enable row level security;
  create table forced (id int);
  alter table forced enable row level security, force row level security;
  create table forced_only (id int);
  alter table forced_only force row level security;

  create function stamp() returns trigger language plpgsql as 'begin return new; end';
  create trigger on_plain after update of note on plain for each row when (old.note is distinct from new.note)
    execute function stamp('a', 'b');
  create trigger asleep before insert on plain for each statement execute function stamp();
  alter table plain disable trigger asleep;
  create constraint trigger later after insert on plain deferrable initially deferred for each row
    execute function stamp();
  create trigger on_events after insert on events for each row execute function stamp();
  create table child (plain_id int references plain deferrable);
  create rule "No delete" as on delete to plain do instead nothing;
  create rule also as on insert to plain do also notify plain_changed;
`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-tables', setup)
  await opened.superuser(`
    create foreign data wrapper nowhere;
    create server nowhere foreign data wrapper nowhere;
    create foreign table far (id int not null) server nowhere;
  `)
  await opened.owner('insert into plain select number from generate_series(1, 1000) as number')
  await opened.owner('analyze plain')
  catalogue = await readCatalogue(opened.owner, { schemas: ['public', 'other'] })
})

afterAll(() => opened.close())

it('lists tables of the schemas asked for, by schema and name, and no views, indexes, sequences or system tables', () => {
  expect(catalogue.tables.map(({ schema, name, kind }) => `${schema}.${name} ${kind}`)).toEqual([
    'other.base table',
    'other.events_default table',
    'public.base table',
    'public.child table',
    'public.events partitioned',
    'public.events_2024 partitioned',
    'public.events_2024_eu table',
    'public.far foreign',
    'public.forced table',
    'public.forced_only table',
    'public.heir table',
    'public.order table',
    'public.plain table',
    'public.secured table',
  ])
})

it('describes an ordinary table completely', () => {
  expect(tableOf(catalogue, 'order')).toEqual({
    schema: 'public',
    name: 'order',
    kind: 'table',
    owner: 'tenantry_owner',
    extension: null,
    partitionOf: null,
    partitionKey: null,
    inherits: [],
    rowSecurity: false,
    forceRowSecurity: false,
    estimatedRows: -1,
    pages: 0,
    columns: [
      {
        name: 'id',
        type: 'integer',
        baseType: 'integer',
        notNull: false,
        unvalidatedNotNull: null,
        default: null,
        generated: null,
        identity: null,
      },
    ],
    checks: [],
    foreignKeys: [],
    indexes: [],
    policies: [],
    triggers: [],
    grants: expect.any(Array),
    columnGrants: [],
    rules: [],
  })
})

it('keeps leaving out schemas that were not asked for, but names parents that lie in them', async () => {
  const { schemas, tables } = await readCatalogue(opened.owner)
  expect(schemas.map(({ name }) => name)).toEqual(['public'])
  expect(tables.filter(({ schema }) => schema !== 'public')).toEqual([])
  expect(tables.find(({ name }) => name === 'heir')?.inherits).toEqual([
    { schema: 'other', name: 'base' },
    { schema: 'public', name: 'base' },
  ])
})

it('tells partitions, of several levels and of other schemas, from children by INHERITS', () => {
  const relations = ['events', 'events_2024', 'events_2024_eu', 'events_default', 'heir'].map((name) => {
    const { partitionOf, partitionKey, inherits } = tableOf(catalogue, name)
    return { name, partitionOf, partitionKey, inherits }
  })
  expect(relations).toEqual([
    { name: 'events', partitionOf: null, partitionKey: 'RANGE (at, lower(region))', inherits: [] },
    {
      name: 'events_2024',
      partitionOf: { schema: 'public', name: 'events' },
      partitionKey: 'LIST (region)',
      inherits: [],
    },
    {
      name: 'events_2024_eu',
      partitionOf: { schema: 'public', name: 'events_2024' },
      partitionKey: null,
      inherits: [],
    },
    {
      name: 'events_default',
      partitionOf: { schema: 'public', name: 'events' },
      partitionKey: null,
      inherits: [],
    },
    {
      name: 'heir',
      partitionOf: null,
      partitionKey: null,
      inherits: [
        { schema: 'other', name: 'base' },
        { schema: 'public', name: 'base' },
      ],
    },
  ])
})

it('knows whether row security is enabled and forced, each for itself', () => {
  const flags = ['plain', 'secured', 'forced', 'forced_only'].map((name) => {
    const { rowSecurity, forceRowSecurity } = tableOf(catalogue, name)
    return [name, rowSecurity, forceRowSecurity]
  })
  expect(flags).toEqual([
    ['plain', false, false],
    ['secured', true, false],
    ['forced', true, true],
    ['forced_only', false, true],
  ])
})

it('gives the size of a table: rows as last counted, pages as they are', async () => {
  expect(tableOf(catalogue, 'plain')).toMatchObject({ estimatedRows: 1000, pages: expect.any(Number) })
  expect(tableOf(catalogue, 'plain').pages).toBeGreaterThan(0)
  expect(tableOf(catalogue, 'order')).toMatchObject({ estimatedRows: -1, pages: 0 })
  expect(tableOf(catalogue, 'far')).toMatchObject({ pages: 0 })
})

it('lists triggers, switched off ones and copies on partitions too, without those that enforce foreign keys', () => {
  expect(tableOf(catalogue, 'plain').triggers).toEqual([
    {
      name: 'asleep',
      function: { schema: 'public', name: 'stamp' },
      definition:
        'CREATE TRIGGER asleep BEFORE INSERT ON public.plain FOR EACH STATEMENT EXECUTE FUNCTION public.stamp()',
      enabled: false,
    },
    {
      name: 'later',
      function: { schema: 'public', name: 'stamp' },
      definition:
        'CREATE CONSTRAINT TRIGGER later AFTER INSERT ON public.plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.stamp()',
      enabled: true,
    },
    {
      name: 'on_plain',
      function: { schema: 'public', name: 'stamp' },
      definition:
        "CREATE TRIGGER on_plain AFTER UPDATE OF note ON public.plain FOR EACH ROW WHEN ((old.note IS DISTINCT FROM new.note)) EXECUTE FUNCTION public.stamp('a', 'b')",
      enabled: true,
    },
  ])
  expect(tableOf(catalogue, 'child').triggers).toEqual([])
  const copies = ['events', 'events_2024', 'events_2024_eu', 'events_default'].map((name) =>
    tableOf(catalogue, name).triggers.map((trigger) => trigger.name),
  )
  expect(copies).toEqual([['on_events'], ['on_events'], ['on_events'], ['on_events']])
})

it('lists the rules of a table', () => {
  expect(tableOf(catalogue, 'plain').rules).toEqual(['No delete', 'also'])
})

it("writes out the owner's rights on a table that was never granted to anyone", () => {
  const privileges =
    catalogue.serverVersion >= 170_000
      ? 'DELETE INSERT MAINTAIN REFERENCES SELECT TRIGGER TRUNCATE UPDATE'
      : 'DELETE INSERT REFERENCES SELECT TRIGGER TRUNCATE UPDATE'
  expect(grantLines(tableOf(catalogue, 'order').grants)).toEqual([`tenantry_owner: ${privileges}`])
})

it('names the extension that a table, a view or a function belongs to', async () => {
  await opened.superuser(`
    create extension btree_gist schema other;
    create table other.adopted (id int);
    alter extension btree_gist add table other.adopted;
    create view other.adopted_view as select 1 as one;
    alter extension btree_gist add view other.adopted_view;
    alter function public.stamp() depends on extension btree_gist;
  `)
  const { extensions, tables, views, functions } = await readCatalogue(opened.owner, { schemas: ['other'] })
  // What merely depends on an extension is dropped with it, but not its own.
  expect(functionOf(await readCatalogue(opened.owner), 'stamp').extension).toBe(null)
  expect(extensions).toContain('btree_gist')
  expect(tables.map(({ name, extension }) => [name, extension])).toEqual([
    ['adopted', 'btree_gist'],
    ['base', null],
    ['events_default', null],
  ])
  expect(views.map(({ name, extension }) => [name, extension])).toEqual([['adopted_view', 'btree_gist']])
  expect(functions.length).toBeGreaterThan(50)
  expect(functions.filter(({ extension }) => extension !== 'btree_gist')).toEqual([])
})
