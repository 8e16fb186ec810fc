import { TenantryError } from '../errors.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query, Row } from '../query.ts'
import { currentSetting } from '../session/settings.ts'
import { isInTransaction } from '../session/transaction.ts'
import { findTenantTable } from './find-tenant-table.ts'
import { insertRow, type NewRow, problemsOfRow } from './insert-row.ts'
import { parseTenantId, type TenantId } from './tenant-id.ts'
import { requireFreeScope } from './tenant-snapshot.ts'
import { inOwnTransaction, inSavepoint } from './transactions.ts'

/** A first row of a new tenant. */
export interface FirstRow {
  /** As the catalogue has it, with or without its schema: `projects`, `app.projects`. One of the tenancy's own tables. */
  readonly table: string
  /** Its columns. The tenant's id is put in, and need not be named. A column whose value is undefined gets its default. */
  readonly values: NewRow
}

/** Options of {@link provisionTenant}. */
export interface ProvisionOptions<Filled> {
  /** The new tenant's id, of the tenancy's type. */
  readonly id: TenantId
  /** The columns of its row in the tenant table, except the id. */
  readonly values?: NewRow
  /** Rows to insert after it, in this order. */
  readonly rows?: readonly FirstRow[]
  /**
   * What else belongs to a new tenant, after `rows` and in the same transaction: it gets a query function that acts for
   * the new tenant. What it returns comes back as `filled`. It must not end the transaction.
   */
  readonly fill?: (query: Query) => Promise<Filled>
}

/** What {@link provisionTenant} inserted, as PostgreSQL has it: defaults filled in. */
export interface ProvisionedTenant<Filled> {
  /** The tenant's id in its normal form, as the setting carries it. */
  readonly id: string
  /** The row of the tenant table. */
  readonly tenant: Row
  /** The rows of `rows`, in the same order. */
  readonly rows: readonly { readonly table: string; readonly row: Row }[]
  readonly filled: Filled | undefined
}

/**
 * Makes a tenant and its first rows, in one transaction and with no privilege: as the application's role, acting for the
 * new tenant. Either everything is there afterwards or nothing, and what failed is what is thrown.
 *
 * In a transaction of the caller's, it becomes a part of that one (a savepoint): a failure undoes this part only, and
 * nothing is there for good before the caller commits. It must act for no tenant or for the new one.
 *
 * @param query One connection of the application's role.
 * @param tenancy Made by `resolveTenancy()`.
 * @throws {TenantryError} `INVALID_TENANT_ID`; `TENANT_EXISTS`; `TENANCY_DOES_NOT_FIT` with all `problems` if a table or a
 * column is unknown, before anything is sent; `TENANT_MISMATCH` in a transaction or scope that acts for another tenant;
 * `TRANSACTION_LOST`. Errors of PostgreSQL pass through.
 *
 * @example
 * ```ts no-run
 * const { tenant, rows } = await provisionTenant(query, tenancy, {
 *   id: randomUUID(),
 *   values: { name: 'Acme' },
 *   rows: [{ table: 'users', values: { email: 'owner@acme.test' } }],
 * })
 * ```
 */
export async function provisionTenant<Filled = undefined>(
  query: Query,
  tenancy: ResolvedTenancy,
  options: ProvisionOptions<Filled>,
): Promise<ProvisionedTenant<Filled>> {
  const id = parseTenantId(tenancy, options.id)
  const rows = plannedRows(tenancy, id, options)
  const settings = { [tenancy.tenancy.setting]: id }
  const work = (): Promise<ProvisionedTenant<Filled>> => insertAll(query, tenancy, { id, rows, options })
  const nested = await isInTransaction(query)
  await requireFreeScope(query, tenancy, id)
  return nested ? inSavepoint(query, settings, work) : inOwnTransaction(query, 'write', settings, work)
}

interface PlannedRow {
  readonly table: ResolvedTable
  readonly values: NewRow
}

/** The rows with the tenant in them, once everything about them fits the tables. */
function plannedRows(
  tenancy: ResolvedTenancy,
  id: string,
  { values = {}, rows = [] }: Pick<ProvisionOptions<unknown>, 'values' | 'rows'>,
): readonly PlannedRow[] {
  const { root } = tenancy
  const problems: Problem[] = []
  const planned: PlannedRow[] = [{ table: root, values }]
  for (const { table: name, values: rowValues } of rows) {
    const table = findTenantTable(tenancy, name)
    if ('code' in table) problems.push(table)
    else planned.push({ table, values: rowValues })
  }
  for (const { table, values: own } of planned) {
    problems.push(...problemsOfRow(table.table, own), ...otherTenants(tenancy, id, table, own))
  }
  if (problems.length > 0) throw unfit(problems)
  return planned.map(({ table, values: own }) => ({
    table,
    values: hasColumn(table) ? { ...own, [table.column]: id } : own,
  }))
}

/** Before the plan was applied, a child has no such column yet. */
function hasColumn({ table, column }: ResolvedTable): boolean {
  return table.columns.some(({ name }) => name === column)
}

/** The tenant is said once, by `id`. Saying the same again does no harm. */
function otherTenants(
  tenancy: ResolvedTenancy,
  id: string,
  { table, column }: ResolvedTable,
  own: NewRow,
): Problem[] {
  const given = own[column]
  if (given === undefined || sameId(tenancy, given, id)) return []
  return [
    {
      code: 'TENANTS_MIXED',
      object: `${displayName(table)}.${column}`,
      message: `The values for ${displayName(table)} name another tenant in "${column}" than id does.`,
      fix: `Leave "${column}" out: the new tenant's id is put in.`,
    },
  ]
}

function sameId(tenancy: ResolvedTenancy, given: unknown, id: string): boolean {
  try {
    return parseTenantId(tenancy, given) === id
  } catch {
    return false
  }
}

async function insertAll<Filled>(
  query: Query,
  tenancy: ResolvedTenancy,
  {
    id,
    rows: [, ...rest],
    rows: [first],
    options,
  }: { id: string; rows: readonly PlannedRow[]; options: ProvisionOptions<Filled> },
): Promise<ProvisionedTenant<Filled>> {
  const tenant = await insertTenant(query, tenancy.root, first?.values ?? {}, id)
  const rows: { table: string; row: Row }[] = []
  for (const { table, values } of rest) {
    rows.push({ table: displayName(table.table), row: (await insertRow(query, table.table, values)) ?? {} })
  }
  const filled = options.fill ? await options.fill(query) : undefined
  await requireOwnTenant(query, tenancy, id)
  return { id, tenant, rows, filled }
}

/** ON CONFLICT rather than the error that a duplicate would be, because drivers report constraints differently. */
async function insertTenant(query: Query, root: ResolvedTable, values: NewRow, id: string): Promise<Row> {
  const inserted = await insertRow(query, root.table, values, { skipIfKeyExists: root.column })
  if (inserted) return inserted
  const table = displayName(root.table)
  const { rows } = await query(
    `SELECT 1 AS found FROM ${qualified(root.table)} WHERE ${identifier(root.column)} = $1`,
    [id],
  )
  if (rows.length > 0) {
    throw new TenantryError({
      code: 'TENANT_EXISTS',
      message: `${table} has a tenant ${JSON.stringify(id)} already. Nothing was inserted.`,
    })
  }
  throw unfit([
    {
      code: 'UNSUPPORTED_TABLE',
      object: table,
      message: `PostgreSQL inserted no row into ${table}, and there is none with that id: a trigger or rule took it away.`,
      fix: 'Let the trigger or rule return the row.',
    },
  ])
}

/** What is committed has to be the new tenant's, whatever the callback did to the setting. */
async function requireOwnTenant(query: Query, { tenancy }: ResolvedTenancy, id: string): Promise<void> {
  if ((await currentSetting(query, tenancy.setting)) === id) return
  throw new TenantryError({
    code: 'TRANSACTION_LOST',
    message:
      `The callback \`fill\` ended the transaction, or changed ${tenancy.setting} in it. ` +
      'What it did before a COMMIT of its own is not undone.',
  })
}

function unfit(problems: readonly Problem[]): TenantryError {
  return new TenantryError({
    code: 'TENANCY_DOES_NOT_FIT',
    message: `The tenant was not made: ${problems.map(({ message }) => message).join(' ')}`,
    problems,
  })
}
