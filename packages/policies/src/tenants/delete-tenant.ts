import { TenantryError } from '../errors.ts'
import { displayName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { isInTransaction } from '../session/transaction.ts'
import { positiveInteger } from './batch-size.ts'
import { deleteBatch, deleteGroup, type Deletion } from './delete-rows.ts'
import type { DependencyGroup } from './dependency-groups.ts'
import { type Preparation, prepareOffboarding } from './prepare-offboarding.ts'
import { parseTenantId, type TenantId } from './tenant-id.ts'
import { countRows } from './tenant-rows.ts'
import { refusal, tenantNotFound } from './tenant-snapshot.ts'
import { inOwnTransaction } from './transactions.ts'

/** Where a deletion has got to. */
export interface DeletionProgress {
  /** `public.tasks`. */
  readonly table: string
  /** Rows of this table deleted so far, and how many there were at the beginning. */
  readonly rows: number
  readonly of: number
  /** The same for all tables. */
  readonly allRows: number
  readonly ofAll: number
}

/** Options of {@link deleteTenant}. */
export interface DeletionOptions {
  /** True by default: looks, counts and says what would stop it, and changes nothing. */
  readonly dryRun?: boolean
  /** How many rows are deleted in one transaction, 1,000 by default. Rows that refer to each other may need more at once. */
  readonly batchSize?: number
  /** Called after each committed transaction, and waited for. What it throws stops the deletion, which can be continued. */
  readonly onProgress?: (progress: DeletionProgress) => unknown
  /** Leaves the tenant's row in the tenant table, for invoices for instance. False by default. */
  readonly keepTenantRow?: boolean
}

/** What {@link deleteTenant} did, or would do. */
export interface TenantDeletion {
  /** The tenant's id in its normal form. */
  readonly tenant: string
  readonly dryRun: boolean
  /** In the order of deletion, children first: rows deleted, or in a dry run, rows that would be. */
  readonly tables: readonly { readonly table: string; readonly rows: number }[]
  readonly rows: number
  /** What would stop it. Empty unless in a dry run, because otherwise they are thrown. */
  readonly problems: readonly Problem[]
  /** What it does not cover, does besides, or takes long for: triggers, materialized views, excluded tables, missing indexes. */
  readonly notes: readonly Note[]
}

/**
 * Deletes everything of a tenant, children before parents, in batches that are each a transaction of their own, and the
 * tenant's own row last: together with the proof that no table has a row of it left. Cut off at any point, it is continued
 * by calling it again.
 *
 * First it looks for whatever could make it touch another tenant, and refuses. It then deletes by the tenant's column
 * alone, and never by way of CASCADE. Stop the tenant's own work first: rows that it adds meanwhile end the deletion with
 * `OFFBOARDING_INCOMPLETE`.
 *
 * @param query One connection that is not in a transaction, as the system role (BYPASSRLS) with SELECT and DELETE on the
 * tables, and UPDATE on those that rows of others can refer to. Not as the application's role, nor as an owner whom
 * policies are forced on.
 * @param tenancy Made by `resolveTenancy()`.
 * @throws {TenantryError} `INVALID_TENANT_ID`; `TENANT_NOT_FOUND`; `OFFBOARDING_REFUSED` with all `problems`, before
 * anything is changed, or when another tenant's row refers to the tenant's meanwhile; `OFFBOARDING_INCOMPLETE` with the
 * tables that have rows left. Errors of PostgreSQL pass through.
 *
 * @example
 * ```ts no-run
 * const { rows, problems } = await deleteTenant(query, tenancy, acme)
 * if (problems.length === 0) await deleteTenant(query, tenancy, acme, { dryRun: false })
 * ```
 */
export async function deleteTenant(
  query: Query,
  tenancy: ResolvedTenancy,
  id: TenantId,
  options: DeletionOptions = {},
): Promise<TenantDeletion> {
  const { dryRun = true, keepTenantRow = false } = options
  const departure = { tenancy, id: parseTenantId(tenancy, id), keepTenantRow }
  const batchSize = positiveInteger(options.batchSize)
  await requireNoTransaction(query)
  const preparation = await prepareOffboarding(query, departure)
  const { problems, notes, crossing } = preparation
  const counted = total(preparation.counts)
  if (
    counted === 0 &&
    problems.length === 0 &&
    !(keepTenantRow && (await hasOwnRow(query, tenancy, departure.id)))
  ) {
    throw tenantNotFound(tenancy, departure.id)
  }
  const report = { tenant: departure.id, dryRun, notes }
  if (dryRun) return { ...report, problems, ...deletedRows(preparation, preparation.counts) }
  if (problems.length > 0) throw refusal('The tenant was not deleted', problems)
  const deleted = await deleteAll(query, { ...departure, batchSize, crossing }, preparation, options)
  return { ...report, problems: [], ...deletedRows(preparation, deleted) }
}

type Counts = ReadonlyMap<ResolvedTable, number>

async function deleteAll(
  query: Query,
  deletion: Deletion,
  { groups, counts }: Preparation,
  { onProgress }: DeletionOptions,
): Promise<Counts> {
  const { tenancy, keepTenantRow } = deletion
  const deleted = new Map<ResolvedTable, number>()
  const ofAll = total(counts)
  const record = async (table: ResolvedTable, rows: number): Promise<void> => {
    if (rows === 0) return
    deleted.set(table, (deleted.get(table) ?? 0) + rows)
    await onProgress?.({
      table: displayName(table.table),
      rows: deleted.get(table) ?? 0,
      of: counts.get(table) ?? 0,
      allRows: total(deleted),
      ofAll,
    })
  }
  for (const group of groups) {
    await deleteInBatches(query, deletion, group, record)
    if (group.references.length === 0 || group.tables.includes(tenancy.root)) continue
    await recordAll(await inBatch(query, () => deleteGroup(query, deletion, group)), record)
  }
  const last = keepTenantRow ? undefined : groups.find(({ tables }) => tables.includes(tenancy.root))
  const rest = await inBatch(query, async () => {
    const gone: Counts = last ? await deleteGroup(query, deletion, last) : new Map()
    await requireNothingLeft(query, deletion)
    return gone
  })
  await recordAll(rest, record)
  return deleted
}

/**
 * What can go in batches: rows to which no row of the group refers, again and again. Where this frees only a few rows at a
 * time, as in a long chain, or none, as in a circle, the rest is left to one statement.
 */
async function deleteInBatches(
  query: Query,
  deletion: Deletion,
  group: DependencyGroup,
  record: (table: ResolvedTable, rows: number) => Promise<void>,
): Promise<void> {
  const tables = group.tables.filter((table) => table !== deletion.tenancy.root)
  const worthwhile = group.references.length === 0 ? 1 : Math.max(1, deletion.batchSize / 10)
  for (let freed = worthwhile; freed >= worthwhile;) {
    freed = 0
    for (const table of tables) {
      const rows = await inBatch(query, () => deleteBatch(query, deletion, table, group))
      freed += rows
      await record(table, rows)
    }
  }
}

function inBatch<T>(query: Query, work: () => Promise<T>): Promise<T> {
  return inOwnTransaction(query, 'batch', { row_security: 'off' }, work)
}

async function recordAll(
  counts: Counts,
  record: (table: ResolvedTable, rows: number) => Promise<void>,
): Promise<void> {
  for (const [table, rows] of counts) await record(table, rows)
}

/** In the transaction that deletes the tenant's own row: it goes only with everything else. */
async function requireNothingLeft(query: Query, { tenancy, id, keepTenantRow }: Deletion): Promise<void> {
  const tables = tenancy.tenantTables.filter((table) => !keepTenantRow || table !== tenancy.root)
  const counts = await countRows(query, tenancy, tables, id)
  const left = tables.filter((table) => counts.get(table) !== 0)
  if (left.length === 0) return
  throw new TenantryError({
    code: 'OFFBOARDING_INCOMPLETE',
    message:
      `Rows of tenant ${JSON.stringify(id)} are left in ${left.map(({ table }) => displayName(table)).join(', ')}. ` +
      'Either the tenant is still at work, or a trigger keeps rows from being deleted. Its own row was not deleted: ' +
      'put that right, and run it again.',
    problems: left.map((table) => leftRows(table, counts.get(table) ?? 0)),
  })
}

function leftRows({ table }: ResolvedTable, count: number): Problem {
  const triggers = table.triggers.filter(({ enabled }) => enabled).map(({ name }) => name)
  return {
    code: 'TENANTS_MIXED',
    object: displayName(table),
    message: `${count} row(s) of the tenant are left in ${displayName(table)}.`,
    fix:
      triggers.length === 0
        ? 'Stop whatever still writes for the tenant, and run it again.'
        : `Stop whatever still writes for the tenant, see what the triggers ${triggers.join(', ')} do, and run it again.`,
    rows: { count, examples: [] },
  }
}

/** Batches are committed one by one, which in a transaction of the caller's would commit that one. */
async function requireNoTransaction(query: Query): Promise<void> {
  if (!(await isInTransaction(query))) return
  throw new TenantryError({
    code: 'OFFBOARDING_REFUSED',
    message:
      'The connection is in a transaction, and a tenant is deleted in many. Call this outside of transactions.',
  })
}

async function hasOwnRow(query: Query, tenancy: ResolvedTenancy, id: string): Promise<boolean> {
  return total(await countRows(query, tenancy, [tenancy.root], id)) > 0
}

function deletedRows(
  { groups, counts: counted }: Preparation,
  counts: Counts,
): Pick<TenantDeletion, 'tables' | 'rows'> {
  const tables = groups
    .flatMap((group) => group.tables)
    .filter((table) => counted.has(table))
    .map((table) => ({ table: displayName(table.table), rows: counts.get(table) ?? 0 }))
  return { tables, rows: tables.reduce((sum, { rows }) => sum + rows, 0) }
}

function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, rows) => sum + rows, 0)
}
