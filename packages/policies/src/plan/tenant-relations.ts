import type { Table } from '../catalogue/catalogue.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'

/** A table with rows of tenants, or one of its partitions: what policies are on, since they do not pass to partitions. */
export interface TenantRelation {
  readonly table: Table
  readonly model: ResolvedTable
  readonly partition: boolean
}

/** Every tenant table with its partitions behind it. */
export function tenantRelations(tenancy: ResolvedTenancy): readonly TenantRelation[] {
  return tenancy.tenantTables.flatMap((model) => [
    { table: model.table, model, partition: false },
    ...model.partitions.map((table) => ({ table, model, partition: true })),
  ])
}

/** Every shared table with its partitions behind it. */
export function sharedRelations(tenancy: ResolvedTenancy): readonly Table[] {
  return tenancy.sharedTables.flatMap(({ table, partitions }) => [table, ...partitions])
}

/** All tables that the model speaks of, partitions included; without the excluded ones. */
export function modelledTables(tenancy: ResolvedTenancy): readonly Table[] {
  return [
    ...tenancy.tenantTables.flatMap(({ table, partitions }) => [table, ...partitions]),
    ...sharedRelations(tenancy),
  ]
}
