import { readCatalogue } from '../catalogue/read-catalogue.ts'
import type { Plan } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { isInTransaction } from '../session/transaction.ts'
import { dataProblems } from './data-problems.ts'
import { missingPrivileges } from './missing-privileges.ts'
import { outdated } from './outdated.ts'

/** How long a step waits for its locks unless it is told otherwise, in milliseconds. */
export const DEFAULT_LOCK_TIMEOUT = 2000

/** Options of {@link checkPlan}. */
export interface CheckPlanOptions {
  /**
   * For how many milliseconds to wait for a table that somebody has locked, and for which an online plan's check may lock a
   * table whose FORCE hides rows from the current role; 2000 by default. Roles with BYPASSRLS need no lock.
   */
  readonly lockTimeout?: number
}

/**
 * Everything that would stop a plan, found before anything is changed and all at once: privileges that the current role
 * lacks, tables and columns that changed since the plan was made, and rows that are in the way. Changes nothing: an empty
 * list means that {@link applyPlan} can go ahead.
 *
 * Where the current role owns a table whose FORCE ROW LEVEL SECURITY hides rows from it, the check lifts that in a
 * transaction which it rolls back, and which locks the table for as long as it is read.
 *
 * @param query Sends statements over one connection, as the role that is to apply the plan.
 * @param plan Made by `planTenancy()`.
 *
 * @example
 * ```ts no-run
 * for (const { object, message, rows, fix } of await checkPlan(query, plan)) {
 *   console.error(object, message, rows?.count, rows?.examples, fix)
 * }
 * ```
 */
export async function checkPlan(
  query: Query,
  plan: Plan,
  options: CheckPlanOptions = {},
): Promise<readonly Problem[]> {
  if (plan.steps.length === 0) return []
  const joins = await isInTransaction(query)
  const privileges = await missingPrivileges(query, plan, ({ statements }) => statements)
  if (privileges.some(({ code }) => code === 'SERVER_TOO_OLD')) return privileges
  const { lockTimeout = DEFAULT_LOCK_TIMEOUT } = options
  const { schemas } = plan.tenancy.tenancy
  const changes = outdated(plan, await readCatalogue(query, { schemas, lockTimeout }))
  // Questions to tables that are no longer there would only be errors.
  if (changes.length > 0) return [...privileges, ...changes]
  return [...privileges, ...(await dataProblems(query, plan, { joins, lockTimeout }))]
}
