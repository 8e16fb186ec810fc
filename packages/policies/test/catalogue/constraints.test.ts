import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalogue, ForeignKey } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { only, tableOf } from './support/find.ts'

const setup = `
  create schema other;
  create table other.parent (a int, b int, c int, primary key (a, b), unique (b, c, a));
  create table child (
    id int primary key, x int default 1, y int, z int, parent_id int references child,
    constraint reordered foreign key (z, y, x) references other.parent (c, b, a),
    constraint actions foreign key (x, y) references other.parent on update cascade on delete restrict,
    constraint nulls foreign key (x, y) references other.parent match full on update set null on delete set default,
    constraint "Later" foreign key (x, y) references other.parent on delete cascade deferrable initially deferred,
    constraint may_defer foreign key (x, y) references other.parent deferrable
  );
  alter table child add constraint unchecked foreign key (x, y) references other.parent not valid;
  alter table child add constraint "B positive" check (x > 0) not valid;
  alter table child add constraint a_note check (y is not null or z is null);
  create table heir () inherits (child);

  create table part (id int, at date, up int, up_at date, primary key (id, at)) partition by range (at);
  create table part_a partition of part for values from ('2024-01-01') to ('2025-01-01');
  create table part_b partition of part for values from ('2025-01-01') to ('2026-01-01');
  alter table part add constraint upward foreign key (up, up_at) references part;
  alter table part add constraint sane check (id > 0);
  create table leaf (id int, at date, constraint to_part foreign key (id, at) references part on delete cascade);
  alter table part_a add constraint own foreign key (up) references child;
`

let opened: OpenDatabase
let catalogue: Catalogue

beforeAll(async () => {
  opened = await openDatabase('catalogue-constraints', setup)
  catalogue = await readCatalogue(opened.owner)
})

afterAll(() => opened.close())

const plain = {
  columns: ['x', 'y'],
  references: { schema: 'other', name: 'parent' },
  referencedColumns: ['a', 'b'],
  onUpdate: 'NO ACTION',
  onDelete: 'NO ACTION',
  onDeleteColumns: [],
  match: 'SIMPLE',
  deferrable: false,
  initiallyDeferred: false,
  validated: true,
  inherited: false,
} as const
const toParent = 'FOREIGN KEY (x, y) REFERENCES other.parent(a, b)'

it('gives foreign keys with their columns paired, actions, match, deferral and validity', () => {
  expect(tableOf(catalogue, 'child').foreignKeys).toEqual([
    {
      ...plain,
      name: 'Later',
      onDelete: 'CASCADE',
      deferrable: true,
      initiallyDeferred: true,
      definition: `${toParent} ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED`,
    },
    {
      ...plain,
      name: 'actions',
      onUpdate: 'CASCADE',
      onDelete: 'RESTRICT',
      definition: `${toParent} ON UPDATE CASCADE ON DELETE RESTRICT`,
    },
    {
      ...plain,
      name: 'child_parent_id_fkey',
      columns: ['parent_id'],
      references: { schema: 'public', name: 'child' },
      referencedColumns: ['id'],
      definition: 'FOREIGN KEY (parent_id) REFERENCES public.child(id)',
    },
    { ...plain, name: 'may_defer', deferrable: true, definition: `${toParent} DEFERRABLE` },
    {
      ...plain,
      name: 'nulls',
      onUpdate: 'SET NULL',
      onDelete: 'SET DEFAULT',
      match: 'FULL',
      definition: `${toParent} MATCH FULL ON UPDATE SET NULL ON DELETE SET DEFAULT`,
    },
    {
      ...plain,
      name: 'reordered',
      columns: ['z', 'y', 'x'],
      referencedColumns: ['c', 'b', 'a'],
      definition: 'FOREIGN KEY (z, y, x) REFERENCES other.parent(c, b, a)',
    },
    { ...plain, name: 'unchecked', validated: false, definition: `${toParent} NOT VALID` },
  ] satisfies readonly ForeignKey[])
})

it('gives the columns that ON DELETE SET NULL names', async ({ skip }) => {
  skip(catalogue.serverVersion < 150_000, 'it came with PostgreSQL 15')
  await opened.owner(`create table partly (x int, y int,
    constraint partly foreign key (x, y) references other.parent on delete set null (y))`)
  const [key] = tableOf(await readCatalogue(opened.owner), 'partly').foreignKeys
  expect(key).toEqual({
    ...plain,
    name: 'partly',
    onDelete: 'SET NULL',
    onDeleteColumns: ['y'],
    definition: `${toParent} ON DELETE SET NULL (y)`,
  })
})

it('gives checks, whether they were validated and whether a parent has them too', () => {
  const note = {
    name: 'a_note',
    definition: 'CHECK (((y IS NOT NULL) OR (z IS NULL)))',
    validated: true,
  }
  const positive = { name: 'B positive', definition: 'CHECK ((x > 0)) NOT VALID', validated: false }
  expect(tableOf(catalogue, 'child').checks).toEqual([
    { ...positive, inherited: false },
    { ...note, inherited: false },
  ])
  expect(tableOf(catalogue, 'heir').checks).toMatchObject([
    { name: 'B positive', inherited: true },
    { ...note, inherited: true },
  ])
  expect(tableOf(catalogue, 'part_a').checks).toEqual([
    { name: 'sane', definition: 'CHECK ((id > 0))', validated: true, inherited: true },
  ])
})

it("marks a partition's copy of a foreign key as inherited, and its own not", () => {
  const keys = (table: string): readonly string[] =>
    tableOf(catalogue, table).foreignKeys.map(
      ({ references, inherited }) => `${references.name} ${inherited ? 'inherited' : 'own'}`,
    )
  expect(keys('part')).toEqual(['part own'])
  expect(keys('part_a').toSorted()).toEqual(['child own', 'part inherited'])
  expect(keys('part_b')).toEqual(['part inherited'])
})

it('leaves out the copies that PostgreSQL keeps for each partition of the referenced table', () => {
  expect(tableOf(catalogue, 'leaf').foreignKeys).toEqual([
    {
      ...plain,
      name: 'to_part',
      columns: ['id', 'at'],
      references: { schema: 'public', name: 'part' },
      referencedColumns: ['id', 'at'],
      onDelete: 'CASCADE',
      definition: 'FOREIGN KEY (id, at) REFERENCES public.part(id, at) ON DELETE CASCADE',
    },
  ])
})

it('takes constraints that are not enforced for not validated', async ({ skip }) => {
  skip(catalogue.serverVersion < 180_000, 'they came with PostgreSQL 18')
  await opened.owner(`create table lax (x int, y int, constraint checked check (x > 0) not enforced,
    constraint keyed foreign key (x, y) references other.parent not enforced)`)
  const { checks, foreignKeys } = tableOf(await readCatalogue(opened.owner), 'lax')
  expect(only(checks, 'checked')).toEqual({
    name: 'checked',
    definition: 'CHECK ((x > 0)) NOT ENFORCED',
    validated: false,
    inherited: false,
  })
  expect(only(foreignKeys, 'keyed')).toMatchObject({
    validated: false,
    definition: `${toParent} NOT ENFORCED`,
  })
})
