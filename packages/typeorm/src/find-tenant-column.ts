import type { DataSource } from 'typeorm'
import { TENANT_DEFAULT } from './tenant-column.ts'

/** What TypeORM knows of an entity. */
export type EntityMetadata = DataSource['entityMetadatas'][number]

/** What TypeORM knows of a column. */
export type ColumnMetadata = EntityMetadata['columns'][number]

const found = new WeakMap<EntityMetadata, ColumnMetadata | null>()

/** The tenant's column of an entity: the one whose default is the tenant. */
export function findTenantColumn(metadata: EntityMetadata): ColumnMetadata | undefined {
  let column = found.get(metadata)
  if (column === undefined) {
    column = metadata.columns.find(isTenantColumn) ?? null
    found.set(metadata, column)
  }
  return column ?? undefined
}

function isTenantColumn(column: ColumnMetadata): boolean {
  const value: unknown = column.default
  return typeof value === 'function' && (value as () => unknown)() === TENANT_DEFAULT
}
