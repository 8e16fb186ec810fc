import { displayName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Query } from '../query.ts'
import { dependencyGroups } from './dependency-groups.ts'
import { catalogueReferences } from './references.ts'
import { parseTenantId, type TenantId } from './tenant-id.ts'
import { countRows } from './tenant-rows.ts'
import { inTenantSnapshot, tenantNotFound } from './tenant-snapshot.ts'

const PAGE_BYTES = 8192

/** What a tenant has in one table. */
export interface TableCount {
  /** `public.tasks`. */
  readonly table: string
  readonly rows: number
  /**
   * How much of the table that is, in bytes: rows times the average row of all tenants, without indexes and without long
   * values kept apart (TOAST). Null where the planner has not counted the table when the catalogue was read.
   */
  readonly estimatedBytes: number | null
}

/** What a tenant has. */
export interface TenantCount {
  /** The tenant's id in its normal form. */
  readonly tenant: string
  /** In dependency order, the tenant's own row first; tables without a row of the tenant too. */
  readonly tables: readonly TableCount[]
  readonly rows: number
  /** The sum of what is known. */
  readonly estimatedBytes: number
}

/**
 * How many rows a tenant has in each table, all at one moment.
 *
 * @param query One connection, as the system role, or as the application's role: it acts for the tenant.
 * @param tenancy Made by `resolveTenancy()`.
 * @throws {TenantryError} `INVALID_TENANT_ID`, `TENANT_NOT_FOUND`, `OFFBOARDING_REFUSED` if rows could be missed.
 *
 * @example
 * ```ts no-run
 * const { rows, tables } = await countTenant(query, tenancy, '6f1c2a34-9b1e-4c62-8a57-0d3f5a1b2c4d')
 * ```
 */
export async function countTenant(
  query: Query,
  tenancy: ResolvedTenancy,
  id: TenantId,
): Promise<TenantCount> {
  const tenant = parseTenantId(tenancy, id)
  const tables = inDependencyOrder(tenancy)
  const counts = await inTenantSnapshot(query, tenancy, { id: tenant, tables }, () =>
    countRows(query, tenancy, tables, tenant),
  )
  const counted = tables.map((table) => tableCount(table, counts.get(table) ?? 0))
  const rows = sum(counted.map((each) => each.rows))
  if (rows === 0) throw tenantNotFound(tenancy, tenant)
  return {
    tenant,
    tables: counted,
    rows,
    estimatedBytes: sum(counted.map((each) => each.estimatedBytes ?? 0)),
  }
}

/** The tables with rows of tenants, parents before children. */
export function inDependencyOrder(tenancy: ResolvedTenancy): readonly ResolvedTable[] {
  return dependencyGroups(tenancy.tenantTables, catalogueReferences(tenancy)).flatMap(({ tables }) => tables)
}

function tableCount(resolved: ResolvedTable, rows: number): TableCount {
  // Of a partitioned table, the rows and pages are those of its partitions.
  const stored = [resolved.table, ...resolved.partitions].filter(({ kind }) => kind !== 'partitioned')
  const allRows = sum(stored.map(({ estimatedRows }) => Math.max(0, estimatedRows)))
  const bytes = sum(stored.map(({ pages }) => pages)) * PAGE_BYTES
  const estimatedBytes = allRows === 0 ? null : Math.round((bytes / allRows) * rows)
  return { table: displayName(resolved.table), rows, estimatedBytes: rows === 0 ? 0 : estimatedBytes }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
