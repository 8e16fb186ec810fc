import { TenantryError } from '../errors.ts'
import { displayName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { currentSetting, type Settings } from '../session/settings.ts'
import { isInTransaction } from '../session/transaction.ts'
import { filteredTables, partlyVisible, readAccess, unreadableTables } from './table-access.ts'
import { tablesWithoutTenant } from './tenant-rows.ts'
import { inOwnTransaction, inUndoneSavepoint } from './transactions.ts'

/** How values become text, whatever the session, the role or the database prefers. */
const exactText: Settings = {
  bytea_output: 'hex',
  datestyle: 'ISO, YMD',
  extra_float_digits: '1',
  intervalstyle: 'iso_8601',
  timezone: 'UTC',
}

/** What a reading found out about its role. */
export interface SnapshotFacts {
  /** Tables of which policies show a part: the tenant's rows, if they are Tenantry's policies alone. */
  readonly filteredBy: readonly string[]
}

/**
 * Runs `read` so that it sees one state of the database and all rows of the tenant: in a read-only transaction of its own,
 * or in the caller's if that one sees one state too. It acts for the tenant, so that the application's role can do it.
 *
 * @throws {TenantryError} `OFFBOARDING_REFUSED` with all `problems` if rows of the tenant could be missed.
 */
export async function inTenantSnapshot<T>(
  query: Query,
  tenancy: ResolvedTenancy,
  { id, tables }: { readonly id: string; readonly tables: readonly ResolvedTable[] },
  read: (facts: SnapshotFacts) => Promise<T>,
): Promise<T> {
  const settings = { ...exactText, [tenancy.tenancy.setting]: id }
  const work = async (): Promise<T> => read(await requireVisible(query, tenancy, tables))
  const nested = await isInTransaction(query)
  await requireFreeScope(query, tenancy, id)
  if (!nested) return inOwnTransaction(query, 'snapshot', settings, work)
  await requireOneState(query)
  return inUndoneSavepoint(query, settings, work)
}

/** A scope, and a transaction, acts for one tenant: whoever opened it did not expect it to act for another one. */
export async function requireFreeScope(
  query: Query,
  { tenancy }: ResolvedTenancy,
  id: string,
): Promise<void> {
  const current = await currentSetting(query, tenancy.setting)
  if (current === '' || current === id) return
  throw new TenantryError({
    code: 'TENANT_MISMATCH',
    message:
      `The connection acts for another tenant than ${JSON.stringify(id)}. Call this in a scope or transaction that acts ` +
      'for no tenant, or for that one.',
  })
}

/** With READ COMMITTED each table would be of another moment, and rows could refer to others that are not there. */
async function requireOneState(query: Query): Promise<void> {
  const level = await currentSetting(query, 'transaction_isolation')
  if (level === 'repeatable read' || level === 'serializable') return
  throw new TenantryError({
    code: 'OFFBOARDING_REFUSED',
    message:
      `The caller's transaction is ${level.toUpperCase()}, in which every statement sees another state. Begin it with ` +
      'ISOLATION LEVEL REPEATABLE READ, or call this outside of a transaction.',
  })
}

async function requireVisible(
  query: Query,
  tenancy: ResolvedTenancy,
  tables: readonly ResolvedTable[],
): Promise<SnapshotFacts> {
  const names = tables.map(({ table }) => table)
  const access = await readAccess(query, tenancy, names)
  const filtered = filteredTables(access, names)
  const problems = [
    ...tablesWithoutTenant(tables),
    ...unreadableTables(access, names),
    // The application's policies show the tenant that it acts for. Others see what nobody knows, mostly nothing.
    ...(access.isApplication ? [] : filtered.map((table) => partlyVisible(access, table))),
  ]
  if (problems.length > 0) throw refusal('The rows of the tenant cannot all be read', problems)
  return { filteredBy: filtered.map((table) => displayName(table)) }
}

/** That something was refused, with all reasons in its message. */
export function refusal(what: string, problems: readonly Problem[]): TenantryError {
  return new TenantryError({
    code: 'OFFBOARDING_REFUSED',
    message: `${what}: ${problems.map(({ message }) => message).join(' ')}`,
    problems,
  })
}

/** That there is no such tenant. */
export function tenantNotFound({ root }: ResolvedTenancy, id: string): TenantryError {
  return new TenantryError({
    code: 'TENANT_NOT_FOUND',
    message:
      `${displayName(root.table)} has no tenant ${JSON.stringify(id)}, and no other table has a row of it: ` +
      'there never was one, or it was deleted already.',
  })
}
