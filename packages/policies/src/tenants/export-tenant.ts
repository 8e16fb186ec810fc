import { TenantryError } from '../errors.ts'
import { displayName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { positiveInteger } from './batch-size.ts'
import { inDependencyOrder } from './count-tenant.ts'
import { type Copy, readerOf } from './export-rows.ts'
import { findTenantTable } from './find-tenant-table.ts'
import { parseTenantId, type TenantId } from './tenant-id.ts'
import { hasRows } from './tenant-rows.ts'
import { inTenantSnapshot, tenantNotFound } from './tenant-snapshot.ts'

/** Where an export has got to. */
export interface ExportProgress {
  /** `public.tasks`. */
  readonly table: string
  /** Rows of this table so far. */
  readonly rows: number
  /** Rows of all tables so far. */
  readonly allRows: number
}

/** Options of {@link exportTenant}. */
export interface ExportOptions {
  /**
   * Takes the export piece by piece: one or more whole lines, each with its newline. The next piece is read when the
   * promise that it returns is fulfilled, so that a slow target slows the reading down.
   */
  readonly write: (lines: string) => unknown
  /**
   * Sends a COPY … TO STDOUT over **the same connection** as `query` and gives back its data: with node-postgres
   * `(sql) => client.query(copyStreams.to(sql))`. Quicker than the cursor that is used without it; the lines are the same.
   */
  readonly copy?: Copy
  /** How many rows are read and written at a time, 1,000 by default: what an export holds in memory. */
  readonly batchSize?: number
  /** Called after each piece of rows, and waited for. */
  readonly onProgress?: (progress: ExportProgress) => unknown
  /** Only these tables, as the catalogue has them, with or without their schema. All by default. */
  readonly tables?: readonly string[]
}

/** What was exported. */
export interface TenantExport {
  /** The tenant's id in its normal form. */
  readonly tenant: string
  /** In the order of the file. */
  readonly tables: readonly { readonly table: string; readonly rows: number }[]
  readonly rows: number
  /**
   * Tables that were read through policies, as the application's role does. Tenantry's own show the tenant all its rows;
   * others may hide some. Empty for the system role.
   */
  readonly filteredBy: readonly string[]
}

/** The version of the format, in the first line. */
const VERSION = 1

/**
 * Writes all rows of a tenant as JSON lines, of one moment (REPEATABLE READ), parents before children. The first line
 * names the format, the tenant and the tables; then comes a line for each row, `{"table":"public.tasks","row":{…}}`; the
 * last has the counts, and its absence tells that an export was cut off. Values are as PostgreSQL's `row_to_json` writes
 * them, digit for digit, times in UTC: read them with `json_populate_record`, as JavaScript rounds large numbers.
 *
 * @param query One connection, as the system role, or as the application's role: it acts for the tenant. In a transaction
 * of the caller's only if that is REPEATABLE READ or SERIALIZABLE.
 * @param tenancy Made by `resolveTenancy()`.
 * @throws {TenantryError} `INVALID_TENANT_ID`; `TENANT_NOT_FOUND`; `TENANCY_DOES_NOT_FIT` for unknown `tables`;
 * `OFFBOARDING_REFUSED` if rows could be missed; `TRANSACTION_LOST` if `copy` uses another connection. What `write` and
 * `onProgress` throw passes through, and ends the export.
 *
 * @example
 * ```ts no-run
 * const file = await open('acme.jsonl', 'wx')
 * await exportTenant(query, tenancy, acme, { write: (lines) => file.write(lines) })
 * await file.close()
 * ```
 */
export async function exportTenant(
  query: Query,
  tenancy: ResolvedTenancy,
  id: TenantId,
  options: ExportOptions,
): Promise<TenantExport> {
  const tenant = parseTenantId(tenancy, id)
  const batchSize = positiveInteger(options.batchSize)
  const tables = chosenTables(tenancy, options.tables)
  return inTenantSnapshot(query, tenancy, { id: tenant, tables: tenancy.tenantTables }, async (facts) => {
    if (!(await hasRows(query, tenancy, tenant))) throw tenantNotFound(tenancy, tenant)
    const read = await readerOf(query, options.copy, batchSize)
    const written: { table: string; rows: number }[] = []
    let allRows = 0
    await options.write(line(header(tenant, tables)))
    for (const resolved of tables) {
      const table = displayName(resolved.table)
      const start = `{"table":${JSON.stringify(table)},"row":`
      let rows = 0
      for await (const batch of read(tenancy, resolved, tenant)) {
        rows += batch.length
        allRows += batch.length
        await options.write(batch.map((row) => `${start}${row}}\n`).join(''))
        await options.onProgress?.({ table, rows, allRows })
      }
      written.push({ table, rows })
    }
    await options.write(line({ end: true, tables: written, rows: allRows }))
    return { tenant, tables: written, rows: allRows, filteredBy: facts.filteredBy }
  })
}

/** What restoring needs to know: the tables, and which columns can be inserted. */
function header(tenant: string, tables: readonly ResolvedTable[]): unknown {
  return {
    format: 'tenantry-export',
    version: VERSION,
    tenant,
    tables: tables.map(({ table }) => ({
      table: displayName(table),
      schema: table.schema,
      name: table.name,
      columns: table.columns.filter(({ generated }) => generated === null).map(({ name }) => name),
    })),
  }
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

function chosenTables(
  tenancy: ResolvedTenancy,
  names: readonly string[] | undefined,
): readonly ResolvedTable[] {
  const all = inDependencyOrder(tenancy)
  if (names === undefined) return all
  const found = names.map((name) => findTenantTable(tenancy, name))
  const problems = found.filter((each): each is Problem => 'code' in each)
  if (problems.length > 0) {
    throw new TenantryError({
      code: 'TENANCY_DOES_NOT_FIT',
      message: problems.map(({ message }) => message).join(' '),
      problems,
    })
  }
  return all.filter((table) => found.includes(table))
}
