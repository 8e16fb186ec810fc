import { identifier, identifiers, literal, qualified } from '../../../src/identifiers.ts'
import type { TableOptions, TenancyOptions } from '../../../src/model/tenancy.ts'
import {
  bucketOf,
  type GeneratedForeignKey,
  type GeneratedKey,
  type GeneratedSchema,
  type GeneratedTable,
  idOf,
  keyValueOf,
} from './generated-schema.ts'

/** What makes the database and its rows, in the order in which it has to happen. */
export function schemaSql(generated: GeneratedSchema): string {
  const { schema, tenantTable, tenantIdType, tenants, tables } = generated
  const root = qualified({ schema, name: tenantTable })
  return [
    `CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`,
    `GRANT USAGE ON SCHEMA ${identifier(schema)} TO tenantry_app`,
    `CREATE TABLE ${root} (id ${tenantIdType} PRIMARY KEY, value text)`,
    `INSERT INTO ${root} VALUES ${tenants.map((id) => `(${literal(id)}, 'tenant')`).join(', ')}`,
    ...tables.flatMap((table) => tableSql(generated, table)),
    ...tables.flatMap((table) => rowsSql(generated, table)),
    ...tables.flatMap((table) => table.foreignKeys.map((each) => foreignKeySql(generated, table, each))),
    `GRANT ALL ON ALL TABLES IN SCHEMA ${identifier(schema)} TO tenantry_app`,
    ...tables.filter(({ naivePolicy }) => naivePolicy).flatMap((table) => policySql(generated, table)),
  ].join(';\n')
}

/** The tenancy that such a database is meant to have. */
export function tenancyOf(generated: GeneratedSchema): TenancyOptions {
  const { schema, tenantTable, tenantColumn, primaryKeys, tables } = generated
  const options = tables.map((table): [string, TableOptions] => {
    if (table.path === undefined) return [table.name, { kind: table.kind }]
    const { idColumn, bucketColumn } = table.path
    return [
      table.name,
      { kind: 'child', through: bucketColumn === undefined ? [idColumn] : [idColumn, bucketColumn] },
    ]
  })
  return {
    tenantTable,
    column: tenantColumn,
    schemas: [schema],
    primaryKeys,
    roles: { system: 'tenantry_system' },
    tables: Object.fromEntries(options),
  }
}

export function tableName({ schema }: GeneratedSchema, { name }: { readonly name: string }): string {
  return qualified({ schema, name })
}

function tableSql(generated: GeneratedSchema, table: GeneratedTable): string[] {
  const name = tableName(generated, table)
  const { idColumn, bucketColumn, valueColumn, partitioning } = table
  const columns = [
    `${identifier(idColumn)} ${table.idType} NOT NULL`,
    ...(table.kind === 'tenant'
      ? [`${identifier(generated.tenantColumn)} ${generated.tenantIdType} NOT NULL`]
      : []),
    ...(table.kind === 'shared+tenant'
      ? [`${identifier(generated.tenantColumn)} ${generated.tenantIdType}`]
      : []),
    `${identifier(bucketColumn)} integer NOT NULL`,
    `${identifier(valueColumn)} text`,
    ...table.keys.map(({ column }) => `${identifier(column)} text`),
    ...table.foreignKeys.flatMap((foreignKey) => foreignKeyColumns(generated, foreignKey)),
    `PRIMARY KEY (${identifiers(table.widePrimaryKey ? [idColumn, bucketColumn] : [idColumn])})`,
  ]
  return [
    `CREATE TABLE ${name} (${columns.join(', ')})${partitionBy(table)}`,
    ...(partitioning === 'none' ? [] : partitionsSql(generated, table)),
    ...table.keys.map((key, number) =>
      keySql(name, table, key, `Key ${generated.tables.indexOf(table)} ${number}`),
    ),
    ...(table.viewName === undefined
      ? []
      : [`CREATE VIEW ${tableName(generated, { name: table.viewName })} AS SELECT * FROM ${name}`]),
  ]
}

function foreignKeyColumns(generated: GeneratedSchema, foreignKey: GeneratedForeignKey): string[] {
  const type = foreignKey.target?.idType ?? generated.tenantIdType
  const notNull = foreignKey.nullable ? '' : ' NOT NULL'
  return [
    `${identifier(foreignKey.idColumn)} ${type}${notNull}`,
    ...(foreignKey.bucketColumn === undefined
      ? []
      : [`${identifier(foreignKey.bucketColumn)} integer${notNull}`]),
  ]
}

function partitionBy({ partitioning, bucketColumn }: GeneratedTable): string {
  switch (partitioning) {
    case 'none':
      return ''
    case 'list':
      return ` PARTITION BY LIST (${identifier(bucketColumn)})`
    case 'hash':
      return ` PARTITION BY HASH (${identifier(bucketColumn)})`
    case 'nested':
      return ` PARTITION BY RANGE (${identifier(bucketColumn)})`
  }
}

function partitionsSql(generated: GeneratedSchema, table: GeneratedTable): string[] {
  // Short, because the table's name may be as long as names get.
  const number = generated.tables.indexOf(table)
  const partition = (which: string): string => tableName(generated, { name: `Part ${number} ${which}` })
  const name = tableName(generated, table)
  switch (table.partitioning) {
    case 'none':
      return []
    case 'list':
      return [
        `CREATE TABLE ${partition('zero')} PARTITION OF ${name} FOR VALUES IN (0)`,
        `CREATE TABLE ${partition('rest')} PARTITION OF ${name} DEFAULT`,
      ]
    case 'hash':
      return [0, 1].map(
        (remainder) =>
          `CREATE TABLE ${partition(`hash ${remainder}`)} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`,
      )
    case 'nested':
      return [
        `CREATE TABLE ${partition('zero')} PARTITION OF ${name} FOR VALUES FROM (0) TO (1)`,
        `CREATE TABLE ${partition('rest')} PARTITION OF ${name} FOR VALUES FROM (1) TO (9)
         PARTITION BY HASH (${identifier(table.bucketColumn)})`,
        `CREATE TABLE ${partition('inner')} PARTITION OF ${partition('rest')} FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
      ]
  }
}

function keySql(
  name: string,
  table: GeneratedTable,
  { column, form }: GeneratedKey,
  constraint: string,
): string {
  const key = identifier(column)
  const columns = table.partitioning === 'none' ? key : identifiers([column, table.bucketColumn])
  switch (form) {
    case 'constraint':
      return `ALTER TABLE ${name} ADD CONSTRAINT "${constraint}" UNIQUE (${columns})`
    case 'deferrable':
      return `ALTER TABLE ${name} ADD CONSTRAINT "${constraint}" UNIQUE (${columns}) DEFERRABLE INITIALLY DEFERRED`
    case 'including':
      return `ALTER TABLE ${name} ADD CONSTRAINT "${constraint}" UNIQUE (${columns}) INCLUDE (${identifier(table.valueColumn)})`
    case 'index':
      return `CREATE UNIQUE INDEX ON ${name} (${columns})`
    case 'expression':
      return `CREATE UNIQUE INDEX ON ${name} (lower(${key}) DESC)`
    case 'partial':
      return `CREATE UNIQUE INDEX ON ${name} (${key}) WHERE ${identifier(table.valueColumn)} <> 'draft'`
    case 'nulls-not-distinct':
      return `CREATE UNIQUE INDEX ON ${name} (${key}) NULLS NOT DISTINCT`
  }
}

function foreignKeySql(
  generated: GeneratedSchema,
  table: GeneratedTable,
  foreignKey: GeneratedForeignKey,
): string {
  const { target, idColumn, bucketColumn } = foreignKey
  const columns = bucketColumn === undefined ? [idColumn] : [idColumn, bucketColumn]
  return [
    `ALTER TABLE ${tableName(generated, table)} ADD CONSTRAINT ${identifier(foreignKey.name)}`,
    `FOREIGN KEY (${identifiers(columns)})`,
    `REFERENCES ${tableName(generated, target ?? { name: generated.tenantTable })}`,
    ...(foreignKey.matchFull ? ['MATCH FULL'] : []),
    `ON UPDATE ${foreignKey.onUpdate} ON DELETE ${foreignKey.onDelete}`,
    ...(foreignKey.deferrable ? ['DEFERRABLE INITIALLY DEFERRED'] : []),
  ].join(' ')
}

function policySql(generated: GeneratedSchema, table: GeneratedTable): string[] {
  if (table.kind !== 'tenant') return []
  const name = tableName(generated, table)
  return [
    `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`,
    `CREATE POLICY naive ON ${name} USING (${identifier(generated.tenantColumn)}::text = current_setting('app.current_tenant_id', true))`,
  ]
}

function rowsSql(generated: GeneratedSchema, table: GeneratedTable): string[] {
  return rowsOf(generated, table).map(
    ({ values }) =>
      `INSERT INTO ${tableName(generated, table)} (${identifiers(Object.keys(values))})
       VALUES (${Object.values(values)
         .map((value) => (value === null ? 'NULL' : literal(value)))
         .join(', ')})`,
  )
}

/** One row that is put in; `tenant` -1: it is common. */
export interface GeneratedRow {
  readonly tenant: number
  readonly values: Readonly<Record<string, string | null>>
}

export function rowsOf(generated: GeneratedSchema, table: GeneratedTable): readonly GeneratedRow[] {
  const common = table.kind === 'shared' || table.kind === 'shared+tenant' ? [-1] : []
  const own = table.kind === 'shared' ? [] : generated.tenants.map((_, tenant) => tenant)
  return [...common, ...own].flatMap((tenant) =>
    Array.from({ length: table.rows }, (_, row) => ({
      tenant,
      values: rowValues(generated, table, tenant, row),
    })),
  )
}

function rowValues(
  generated: GeneratedSchema,
  table: GeneratedTable,
  tenant: number,
  row: number,
): Record<string, string | null> {
  const owned = table.kind === 'tenant' || table.kind === 'shared+tenant'
  return {
    [table.idColumn]: idOf(table.idType, tenant, row),
    ...(owned && { [generated.tenantColumn]: generated.tenants[tenant] ?? null }),
    [table.bucketColumn]: String(bucketOf(row)),
    [table.valueColumn]: `value of ${tenant}`,
    ...Object.fromEntries(table.keys.map(({ column }) => [column, keyValueOf(tenant, row)])),
    ...Object.assign(
      {},
      ...table.foreignKeys.map((foreignKey) => {
        const nothing = foreignKey.nullable && row === table.rows - 1
        return referenceValues(generated, foreignKey, nothing ? undefined : { tenant, row: row + 1 })
      }),
    ),
  }
}

/** The columns of a foreign key, for a row that refers to what is the tenant's. */
export function referenceValues(
  generated: GeneratedSchema,
  { target, idColumn, bucketColumn }: GeneratedForeignKey,
  to: { readonly tenant: number; readonly row: number } | undefined,
): Record<string, string | null> {
  if (!target) return { [idColumn]: to ? (generated.tenants[to.tenant] ?? null) : null }
  const row = to ? to.row % target.rows : 0
  return {
    [idColumn]: to ? idOf(target.idType, target.kind === 'shared' ? -1 : to.tenant, row) : null,
    ...(bucketColumn !== undefined && { [bucketColumn]: to ? String(bucketOf(row)) : null }),
  }
}
