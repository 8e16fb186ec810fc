import { displayName, identifier, sameName } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { crossingReferences, crossingRows } from './crossing-rows.ts'
import { type DependencyGroup, dependencyGroups } from './dependency-groups.ts'
import {
  accessProblems,
  offboardingNotes,
  openReferences,
  unsupportedTables,
} from './offboarding-obstacles.ts'
import { readReferences } from './read-references.ts'
import { describeReference, type Reference } from './references.ts'
import { readAccess } from './table-access.ts'
import { countRows, isTenants, rowsOf, tablesWithoutTenant } from './tenant-rows.ts'
import { inOwnTransaction } from './transactions.ts'

/** Which tenant is to go, and whether its own row stays. */
export interface Departure {
  readonly tenancy: ResolvedTenancy
  /** The tenant's id in its normal form. */
  readonly id: string
  readonly keepTenantRow: boolean
}

/** What there is to delete, and what stands in the way. */
export interface Preparation {
  /** In the order of deletion, children first. */
  readonly groups: readonly DependencyGroup[]
  /** Of the tables that can be counted. */
  readonly counts: ReadonlyMap<ResolvedTable, number>
  /** The foreign keys by which other rows can refer to the tenant's. */
  readonly crossing: readonly Reference[]
  readonly problems: readonly Problem[]
  readonly notes: readonly Note[]
}

/** Looks at everything in one read-only transaction, so that the counts and the reasons are of one moment. */
export function prepareOffboarding(query: Query, departure: Departure): Promise<Preparation> {
  // Where policies would hide rows, reading fails from here on instead of seeing less.
  return inOwnTransaction(query, 'snapshot', { row_security: 'off' }, () => prepare(query, departure))
}

async function prepare(query: Query, departure: Departure): Promise<Preparation> {
  const { tenancy, id, keepTenantRow } = departure
  const tables = tenancy.tenantTables.filter((table) => !keepTenantRow || table !== tenancy.root)
  const references = await readReferences(query, tenancy)
  const crossing = crossingReferences(references).filter(({ target }) => tables.includes(target))
  const access = await readAccess(query, tenancy, [
    ...tenancy.tenantTables.map(({ table }) => table),
    ...crossing.map(({ sourceTable }) => sourceTable),
  ])
  const problems: Problem[] = [
    ...tablesWithoutTenant(tables),
    ...unsupportedTables(tables),
    ...accessProblems(access, tables, crossing),
    ...openReferences(references),
  ]
  const isReadable = (table: { schema: string; name: string }): boolean =>
    access.tables.some((found) => sameName(found, table) && found.mayRead && !found.filtered) &&
    tables.every((each) => !sameName(each.table, table) || tablesWithoutTenant([each]).length === 0)
  const askable = (reference: Reference): boolean =>
    isReadable(reference.sourceTable) && isReadable(reference.target.table)
  for (const reference of crossing.filter(askable)) {
    problems.push(...(await crossingRows(query, tenancy, reference, id)))
  }
  if (keepTenantRow) {
    for (const reference of references.filter((each) => holdsOn(each, tenancy) && askable(each))) {
      problems.push(...(await heldRows(query, departure, reference)))
    }
  }
  const groups = dependencyGroups(tables, references, keepTenantRow ? undefined : tenancy.root)
  return {
    groups: groups.toReversed(),
    counts: await countRows(
      query,
      tenancy,
      tables.filter(({ table }) => isReadable(table)),
      id,
    ),
    crossing,
    problems,
    notes: offboardingNotes(tenancy, tables, references),
  }
}

/** A key of the tenant table that does not let go of a row of the tenant by itself. */
function holdsOn({ source, target, onDelete }: Reference, { root }: ResolvedTenancy): boolean {
  return source === root && target !== root && onDelete !== 'SET NULL' && onDelete !== 'SET DEFAULT'
}

/** The problem of a tenant's own row that is to stay and refers to a row that is to go. */
async function heldRows(query: Query, { tenancy, id }: Departure, reference: Reference): Promise<Problem[]> {
  const set = reference.columns.map((column) => `s.${identifier(column)} IS NOT NULL`)
  const { rows } = await query(
    `SELECT 1 AS found FROM ${rowsOf(tenancy.root)} AS s WHERE ${isTenants(tenancy, tenancy.root, 's')} AND ${set.join(' AND ')}`,
    [id],
  )
  if (rows.length === 0) return []
  return [
    {
      code: 'UNSUPPORTED_KEY',
      object: describeReference(reference),
      message:
        `The tenant's own row is to stay, and refers by ${describeReference(reference)} to a row of ` +
        `${displayName(reference.target.table)} that is to be deleted.`,
      fix: `Set ${reference.columns.join(', ')} of that row to NULL first, or do without keepTenantRow.`,
    },
  ]
}
