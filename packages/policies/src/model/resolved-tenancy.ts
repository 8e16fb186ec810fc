import type { Catalogue, ForeignKey, Table } from '../catalogue/catalogue.ts'
import type { TableOptions, Tenancy } from './tenancy.ts'

/** A tenancy that was fitted to a catalogue: every table has its kind, its column and its path. */
export interface ResolvedTenancy {
  readonly tenancy: Tenancy
  readonly catalogue: Catalogue
  /** The table with one row a tenant; its `column` is its primary key. */
  readonly root: ResolvedTable
  /** What tenant ids are cast to in SQL: `uuid`, `bigint`, `integer`, `smallint` or `text`. */
  readonly tenantType: string
  /** All tables with rows of tenants, the root first, then parents before children wherever foreign keys allow; no partitions. */
  readonly tenantTables: readonly ResolvedTable[]
  /** Tables of kind `shared`. No partitions. */
  readonly sharedTables: readonly SharedTable[]
}

/** A table with rows of tenants. */
export interface ResolvedTable {
  readonly table: Table
  readonly kind: 'root' | 'tenant' | 'child' | 'shared+tenant'
  /** The column with the tenant's id; the root's primary key. May not exist yet in a child. */
  readonly column: string
  /** Of a child: the foreign key that leads to the tenant. Its parent is another of the `tenantTables`, or the root. */
  readonly path: { readonly foreignKey: ForeignKey; readonly parent: ResolvedTable } | undefined
  /** Of a partitioned table, its partitions on all levels; of an inherited one, none: those are tables of their own. */
  readonly partitions: readonly Table[]
  /** Whether the primary key shall carry the tenant. */
  readonly primaryKey: 'composite' | 'keep'
  readonly globalKeys: readonly string[]
  readonly queries: readonly (readonly string[])[]
}

export interface SharedTable {
  readonly table: Table
  readonly writable: boolean
  readonly partitions: readonly Table[]
}

export type { TableOptions }
