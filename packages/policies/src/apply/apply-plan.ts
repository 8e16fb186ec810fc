import { TenantryError } from '../errors.ts'
import { PHASES, type Phase, type Plan, type Step } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { isInTransaction } from '../session/transaction.ts'
import { checkPlan, DEFAULT_LOCK_TIMEOUT } from './check-plan.ts'
import { missingPrivileges } from './missing-privileges.ts'
import { runSteps, type PlanProgress } from './run-steps.ts'

/** Options of {@link undoPlan}. */
export interface UndoPlanOptions {
  /** Called after each step. What it throws stops the plan. */
  readonly onProgress?: (progress: PlanProgress) => void
  /**
   * For how many milliseconds a step waits for a lock, during which everything else waits behind it. 2000 by default for
   * `online`; for `offline`, as the session has it. Does not hold for steps outside of transactions, such as CREATE INDEX
   * CONCURRENTLY, which wait without standing in anybody's way.
   */
  readonly lockTimeout?: number
  /**
   * How many times an `online` step is tried that does not get its locks, 5 by default. Between them are pauses of one
   * lockTimeout, two, three, ….
   */
  readonly attempts?: number
}

/** Options of {@link applyPlan}. */
export interface ApplyPlanOptions extends UndoPlanOptions {
  /**
   * The last phase to apply; by default all are. `protect` stops before what only the new application can live with, so that
   * it can be rolled out; then the plan is applied again without `until`, or made anew.
   */
  readonly until?: Phase
}

/** What {@link applyPlan} and {@link undoPlan} did. */
export interface PlanResult {
  /** The steps that were run, in the order in which they were. */
  readonly steps: readonly Step[]
  /** The steps of later phases than `until`. */
  readonly remaining: readonly Step[]
}

/**
 * Applies a plan, after {@link checkPlan} has found nothing. `offline` is one transaction: within the caller's, if one is
 * open. `online` is one transaction for each step, or none for statements that cannot be in one; a step that does not get
 * its locks in time lets the others through and tries again.
 *
 * Sets `lock_timeout`, `statement_timeout` and `row_security`, and leaves them as they were.
 *
 * @param query Sends statements over **one** connection: a client, not a pool.
 * @param plan Made by `planTenancy()`.
 * @throws {TenantryError} `PLAN_BLOCKED` with all `problems` if something is in the way; then nothing was changed.
 * @throws {TenantryError} `PLAN_FAILED` if a step fails, with the database's error as its `cause`. The same plan can be
 *   applied again from its beginning.
 *
 * @example
 * ```ts no-run
 * await applyPlan(query, plan, {
 *   until: 'protect',
 *   onProgress: ({ step, index, total }) => console.log(`${index + 1}/${total} ${step.id}`),
 * })
 * ```
 */
export async function applyPlan(
  query: Query,
  plan: Plan,
  options: ApplyPlanOptions = {},
): Promise<PlanResult> {
  const last = PHASES.indexOf(options.until ?? 'contract')
  const steps = plan.steps.filter(({ phase }) => PHASES.indexOf(phase) <= last)
  const remaining = plan.steps.filter((step) => !steps.includes(step))
  if (steps.length === 0) return { steps, remaining }
  const joins = await refuseOpenTransaction(query, plan)
  const { lockTimeout = DEFAULT_LOCK_TIMEOUT } = options
  refuse(await checkPlan(query, { ...plan, steps }, { lockTimeout }), 'applied')
  await runSteps(
    query,
    steps.map((step) => ({ step, statements: step.statements })),
    { ...runOptions(plan, options), done: 'applied', joins },
  )
  return { steps, remaining }
}

/**
 * Takes a plan back: what undoes its steps, in reverse order. Rows that were filled in are lost with their columns. Steps
 * that were not applied are passed over without harm, so that a plan that was cut off can be taken back as well.
 *
 * @param query Sends statements over **one** connection: a client, not a pool.
 * @param plan The plan that was applied, not one made from the database as it is now.
 * @throws {TenantryError} `PLAN_BLOCKED` if the current role lacks privileges; then nothing was changed.
 * @throws {TenantryError} `PLAN_FAILED` if a step fails, with the database's error as its `cause`. The same plan can be
 *   undone again from its end.
 */
export async function undoPlan(query: Query, plan: Plan, options: UndoPlanOptions = {}): Promise<PlanResult> {
  const steps = plan.steps.toReversed().filter(({ undo }) => undo.length > 0)
  if (steps.length === 0) return { steps, remaining: [] }
  const joins = await refuseOpenTransaction(query, plan)
  refuse(await missingPrivileges(query, plan, ({ undo }) => undo), 'undone')
  await runSteps(
    query,
    steps.map((step) => ({ step, statements: step.undo })),
    { ...runOptions(plan, options), done: 'undone', joins },
  )
  return { steps, remaining: [] }
}

function runOptions(
  { shape }: Plan,
  { lockTimeout, attempts = 5, onProgress }: UndoPlanOptions,
): Pick<Parameters<typeof runSteps>[2], 'shape' | 'lockTimeout' | 'attempts' | 'onProgress'> {
  return {
    shape,
    lockTimeout: shape === 'online' ? (lockTimeout ?? DEFAULT_LOCK_TIMEOUT) : lockTimeout,
    attempts,
    onProgress,
  }
}

/** Whether a transaction is open, which only an offline plan can be part of. */
async function refuseOpenTransaction(query: Query, { shape }: Plan): Promise<boolean> {
  const open = await isInTransaction(query)
  if (!open || shape === 'offline') return open
  throw new TenantryError({
    code: 'PLAN_BLOCKED',
    message:
      'A transaction is open on this connection. An online plan consists of many short ones, and CREATE INDEX CONCURRENTLY ' +
      'cannot be in any: end the transaction first, or make the plan with { shape: "offline" }.',
  })
}

function refuse(problems: readonly Problem[], done: string): void {
  if (problems.length === 0) return
  throw new TenantryError({
    code: 'PLAN_BLOCKED',
    message: `The plan was not ${done}, and nothing was changed. ${problems.length === 1 ? 'In the way is' : `${problems.length} things are in the way`}:\n${problems.map(line).join('\n')}`,
    problems,
  })
}

function line({ code, object, message, rows, fix }: Problem): string {
  const counted = rows ? ` ${rows.count} ${rows.count === 1 ? 'row' : 'rows'}${examplesOf(rows)}.` : ''
  return `- ${object} (${code}): ${message}${counted} ${fix}`
}

function examplesOf({ count, examples }: NonNullable<Problem['rows']>): string {
  if (examples.length === 0) return ''
  return examples.length < count ? `, such as ${examples.join(', ')}` : `: ${examples.join(', ')}`
}
