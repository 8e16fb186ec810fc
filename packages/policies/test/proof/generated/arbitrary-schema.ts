import fc from 'fast-check'
import type { ForeignKeyAction } from '../../../src/catalogue/catalogue.ts'
import { LONGEST_NAME } from '../../../src/identifiers.ts'
import {
  type GeneratedForeignKey,
  type GeneratedKind,
  type GeneratedSchema,
  type GeneratedTable,
  idOf,
  type IdType,
  type KeyForm,
} from './generated-schema.ts'

/** Names that break what does not quote them, or quotes them wrongly. */
const ODD_NAMES = [
  'tasks',
  'Tasks',
  'order',
  'user',
  'a.b',
  'with space',
  'quote " quote',
  "it's",
  'back\\slash',
  '%I $1 :name ?',
  'tenantry_allow',
  '表',
  'ümläut',
  '$$',
  '-- comment',
  '/* comment */',
  ' ',
  'x'.repeat(62),
  'ü'.repeat(30),
]

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_NAMES) },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }) },
)

const action = fc.constantFrom<ForeignKeyAction>(
  'NO ACTION',
  'CASCADE',
  'RESTRICT',
  'SET NULL',
  'SET DEFAULT',
)
const idType = fc.constantFrom<IdType>('uuid', 'bigint', 'text')

// Numbers are taken modulo what there is to choose from, so that any of them makes sense and all shrink by themselves.
const rawForeignKey = fc.record({
  target: fc.nat(19),
  nullable: fc.boolean(),
  onDelete: action,
  onUpdate: action,
  deferrable: fc.boolean(),
  matchFull: fc.boolean(),
})
const rawTable = fc.record({
  name,
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant<GeneratedKind>('tenant') },
    { weight: 4, arbitrary: fc.constant<GeneratedKind>('child') },
    { weight: 1, arbitrary: fc.constant<GeneratedKind>('shared') },
    { weight: 1, arbitrary: fc.constant<GeneratedKind>('shared+tenant') },
  ),
  idType,
  oddColumns: fc.boolean(),
  widePrimaryKey: fc.boolean(),
  partitioning: fc.oneof(
    { weight: 3, arbitrary: fc.constant<GeneratedTable['partitioning']>('none') },
    { weight: 1, arbitrary: fc.constantFrom<GeneratedTable['partitioning']>('list', 'hash', 'nested') },
  ),
  keys: fc.array(
    fc.constantFrom<KeyForm>(
      'constraint',
      'deferrable',
      'index',
      'expression',
      'partial',
      'including',
      'nulls-not-distinct',
    ),
    { maxLength: 2 },
  ),
  path: rawForeignKey,
  foreignKeys: fc.array(rawForeignKey, { maxLength: 3 }),
  rows: fc.integer({ min: 1, max: 3 }),
  view: fc.boolean(),
  naivePolicy: fc.boolean(),
})

type RawForeignKey = Parameters<typeof foreignKeyOf>[1]
type RawTable = typeof rawTable extends fc.Arbitrary<infer Value> ? Value : never

/** Existing databases: two to eight tables with the tenant table, and rows of two or three tenants that fit together. */
export const arbitrarySchema: fc.Arbitrary<GeneratedSchema> = fc
  .record({
    shape: fc.constantFrom('offline' as const, 'online' as const),
    schema: fc.oneof(fc.constant('public'), name),
    tenantIdType: idType,
    tenantTable: name,
    tenantColumn: fc.oneof(fc.constant('tenant_id'), name),
    tenants: fc.integer({ min: 2, max: 3 }),
    primaryKeys: fc.constantFrom('composite' as const, 'composite' as const, 'keep' as const),
    tables: fc.array(rawTable, { minLength: 1, maxLength: 7 }),
  })
  .map((raw) => {
    const taken = new Set<string>()
    const tenantTable = unusedName(raw.tenantTable, taken)
    const tables: GeneratedTable[] = []
    for (const [number, table] of raw.tables.entries()) {
      tables.push(tableOf(table, number, unusedName(table.name, taken), tables, taken))
    }
    for (const [number, table] of raw.tables.entries()) addForeignKeys(tables, number, table)
    return {
      ...raw,
      // Schemas of these names are not for applications.
      schema: /^(pg_|tenantry$|information_schema$)/.test(raw.schema) ? 'public' : raw.schema,
      tenantTable,
      tenantColumn: fitting(raw.tenantColumn, 'tenant'),
      tenants: Array.from({ length: raw.tenants }, (_, tenant) => idOf(raw.tenantIdType, tenant, 0)),
      tables,
    }
  })

function tableOf(
  raw: RawTable,
  number: number,
  tableName: string,
  earlier: readonly GeneratedTable[],
  taken: Set<string>,
): GeneratedTable {
  const prefix = raw.oddColumns ? 'Odd "Column" ' : 'plain_'
  const path =
    raw.kind === 'child'
      ? pathOf(
          raw.path,
          earlier.filter(({ kind }) => kind === 'tenant' || kind === 'child'),
          `${prefix}path`,
        )
      : undefined
  return {
    name: tableName,
    kind: raw.kind,
    idType: raw.idType,
    idColumn: `${prefix}id`,
    bucketColumn: `${prefix}bucket`,
    valueColumn: `${prefix}value`,
    widePrimaryKey: raw.widePrimaryKey || raw.partitioning !== 'none',
    partitioning: raw.partitioning,
    keys: raw.keys.map((form, index) => ({
      column: `${prefix}key_${index}`,
      // A key of a partitioned table is a plain one, with the partition key in it.
      form: raw.partitioning === 'none' ? form : form === 'index' ? 'index' : 'constraint',
    })),
    foreignKeys: path ? [path] : [],
    path,
    rows: raw.rows,
    viewName: raw.view ? unusedName(`view ${number}`, taken) : undefined,
    naivePolicy: raw.naivePolicy,
  }
}

function pathOf(
  raw: RawForeignKey,
  parents: readonly GeneratedTable[],
  columns: string,
): GeneratedForeignKey {
  const target = [undefined, ...parents][
    (parents.length - raw.target + 20 * (parents.length + 1)) % (parents.length + 1)
  ]
  return foreignKeyOf(target, { ...raw, nullable: false }, 'path', columns)
}

/** Only now, because they may lead to later tables and to the table itself. */
function addForeignKeys(tables: GeneratedTable[], number: number, raw: RawTable): void {
  const table = tables[number]
  if (!table) return
  const allowed = tables.filter(({ kind }) =>
    // What all read refers to nobody's rows.
    table.kind === 'shared'
      ? kind === 'shared'
      : table.kind === 'shared+tenant'
        ? kind !== 'tenant' && kind !== 'child'
        : true,
  )
  const list = table.foreignKeys as GeneratedForeignKey[]
  for (const [index, each] of raw.foreignKeys.entries()) {
    const target = allowed[each.target % allowed.length]
    if (!target) continue
    list.push(foreignKeyOf(target, each, `reference "${index}"`, `${table.idColumn} of ${index}`))
  }
}

function foreignKeyOf(
  target: GeneratedTable | undefined,
  raw: {
    target: number
    nullable: boolean
    onDelete: ForeignKeyAction
    onUpdate: ForeignKeyAction
    deferrable: boolean
    matchFull: boolean
  },
  constraintName: string,
  column: string,
): GeneratedForeignKey {
  const wide = target?.widePrimaryKey ?? false
  const settable = (wanted: ForeignKeyAction): ForeignKeyAction =>
    raw.nullable || !wanted.startsWith('SET') ? wanted : 'CASCADE'
  return {
    name: constraintName,
    target,
    idColumn: column,
    bucketColumn: wide ? `${column} bucket` : undefined,
    nullable: raw.nullable,
    onDelete: settable(raw.onDelete),
    onUpdate: settable(raw.onUpdate),
    deferrable: raw.deferrable,
    matchFull: raw.matchFull && wide,
  }
}

/** A name of a relation that no other has; partitions' and views' names are derived from it. */
function unusedName(wanted: string, taken: Set<string>): string {
  let candidate = fitting(wanted, 'table')
  for (let number = 2; taken.has(candidate); number += 1)
    candidate = `${fitting(wanted, 'table', 3)} ${number}`
  taken.add(candidate)
  return candidate
}

/** PostgreSQL's names have no NUL and are cut after 63 bytes; those made up are a little shorter, for what is appended. */
function fitting(wanted: string, otherwise: string, spare = 0): string {
  let fits = wanted.replaceAll('\0', '')
  while (Buffer.byteLength(fits) > LONGEST_NAME - spare) fits = Array.from(fits).slice(0, -1).join('')
  return fits === '' ? otherwise : fits
}
