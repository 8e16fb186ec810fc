import type { ForeignKeyAction } from '../../../src/catalogue/catalogue.ts'
import type { PlanShape } from '../../../src/plan/plan.ts'

export type IdType = 'uuid' | 'bigint' | 'text'
export type GeneratedKind = 'tenant' | 'child' | 'shared' | 'shared+tenant'

/** A unique key on a column of its own; of a partitioned table, with the partition key beside it. */
export type KeyForm =
  | 'constraint'
  | 'deferrable'
  | 'index'
  | 'expression'
  | 'partial'
  | 'including'
  | 'nulls-not-distinct'

export interface GeneratedKey {
  readonly column: string
  readonly form: KeyForm
}

export interface GeneratedForeignKey {
  readonly name: string
  /** Undefined: the tenant table. */
  readonly target: GeneratedTable | undefined
  readonly idColumn: string
  /** Where the referenced primary key has two columns. */
  readonly bucketColumn: string | undefined
  /** Whether the last row of each tenant refers to nothing. */
  readonly nullable: boolean
  readonly onDelete: ForeignKeyAction
  readonly onUpdate: ForeignKeyAction
  readonly deferrable: boolean
  readonly matchFull: boolean
}

export interface GeneratedTable {
  readonly name: string
  readonly kind: GeneratedKind
  readonly idType: IdType
  readonly idColumn: string
  readonly bucketColumn: string
  readonly valueColumn: string
  /** Whether the primary key is (id, bucket) instead of (id). Always so where it is partitioned. */
  readonly widePrimaryKey: boolean
  readonly partitioning: 'none' | 'list' | 'hash' | 'nested'
  readonly keys: readonly GeneratedKey[]
  readonly foreignKeys: readonly GeneratedForeignKey[]
  /** Of a child: the one that leads to the tenant. */
  readonly path: GeneratedForeignKey | undefined
  /** How many rows each tenant has; as many are common in a shared table. */
  readonly rows: number
  readonly viewName: string | undefined
  readonly naivePolicy: boolean
}

/** An existing database that was made up. */
export interface GeneratedSchema {
  readonly shape: PlanShape
  readonly schema: string
  readonly tenantIdType: IdType
  readonly tenantTable: string
  readonly tenantColumn: string
  readonly tenants: readonly string[]
  readonly primaryKeys: 'composite' | 'keep'
  readonly tables: readonly GeneratedTable[]
}

/** The id of a row: unique in its table, whoever's it is. `tenant` -1: common. */
export function idOf(type: IdType, tenant: number, row: number): string {
  const number = (tenant + 2) * 100 + row
  switch (type) {
    case 'bigint':
      return String(number)
    case 'text':
      return `row '${number}'`
    case 'uuid':
      return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  }
}

/** The partition key of a row, from 0 to 2. */
export function bucketOf(row: number): number {
  return row % 3
}

/** The value of a unique key's column: unique in the table. */
export function keyValueOf(tenant: number, row: number): string {
  return `Key ${tenant}/${row}`
}
