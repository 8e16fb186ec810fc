import { setTimeout as pause } from 'node:timers/promises'
import { TenantryError } from '../errors.ts'
import type { PlanShape, Step } from '../plan/plan.ts'
import type { Query } from '../query.ts'
import { messageOf, sqlState } from '../session/database-error.ts'
import { setLocally, withSettings, type Settings } from '../session/settings.ts'
import { savepoint, transaction, within } from '../session/transaction.ts'

/** What a step's end tells `onProgress`. */
export interface PlanProgress {
  readonly step: Step
  /** Its place among those that are run, from 0. */
  readonly index: number
  /** How many are run. */
  readonly total: number
  /** How long it took, waiting for locks included. */
  readonly milliseconds: number
}

/** One thing to run: a step, or what takes it back. */
export interface Run {
  readonly step: Step
  readonly statements: readonly string[]
}

export interface RunOptions {
  readonly shape: PlanShape
  /** Undefined: as the session has it. */
  readonly lockTimeout: number | undefined
  readonly attempts: number
  readonly onProgress: ((progress: PlanProgress) => void) | undefined
  /** For messages: `applied` or `undone`. */
  readonly done: string
  /** Whether the caller has a transaction open; only ever for `offline`. */
  readonly joins: boolean
}

/**
 * What a step's statements must not depend on. `row_security` is off, so that a statement which a policy would narrow is
 * refused instead of passing over rows.
 */
const settings: Settings = { row_security: 'off', statement_timeout: '0' }

/** Runs them in order. */
export async function runSteps(query: Query, runs: readonly Run[], options: RunOptions): Promise<void> {
  if (options.shape === 'online') {
    await withEach(runs, options, (run) => runAlone(query, run, options))
    return
  }
  await runTogether(query, runs, options)
}

async function runTogether(query: Query, runs: readonly Run[], options: RunOptions): Promise<void> {
  const { joins, lockTimeout } = options
  const wanted = lockTimeout === undefined ? settings : { ...settings, lock_timeout: String(lockTimeout) }
  const runAll = (): Promise<void> =>
    withEach(runs, options, async ({ statements }) => {
      for (const statement of statements) await query(statement)
    })
  let ran = false
  try {
    await within(query, joins ? savepoint : transaction(), async () => {
      // Within the caller's transaction the settings would hold on.
      if (joins) await withSettings(query, wanted, 'transaction', runAll)
      else await setLocally(query, wanted).then(runAll)
      ran = true
    })
  } catch (error) {
    // Deferred constraints speak up at the end.
    throw ran ? failed('COMMIT', [], options, error) : error
  }
}

async function withEach(
  runs: readonly Run[],
  options: RunOptions,
  work: (run: Run) => Promise<void>,
): Promise<void> {
  for (const [index, run] of runs.entries()) {
    const start = performance.now()
    try {
      await work(run)
    } catch (error) {
      const before = runs.slice(0, index).map((earlier) => earlier.step.id)
      throw failed(`The step "${run.step.id}"`, before, { ...options, total: runs.length }, error)
    }
    const milliseconds = performance.now() - start
    options.onProgress?.({ step: run.step, index, total: runs.length, milliseconds })
  }
}

async function runAlone(query: Query, { step, statements }: Run, options: RunOptions): Promise<void> {
  if (!step.transaction) {
    // Giving up on a lock half-way would leave an invalid index behind.
    await withSettings(query, { ...settings, lock_timeout: '0' }, 'session', async () => {
      for (const statement of statements) await query(statement)
    })
    return
  }
  const { lockTimeout = 0, attempts } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      await within(query, transaction(), async () => {
        await setLocally(query, { ...settings, lock_timeout: String(lockTimeout) })
        for (const statement of statements) await query(statement)
      })
      return
    } catch (error) {
      if (attempt >= attempts || !isLockFailure(error)) throw error
    }
    // Whoever waits behind a step that waits cannot go on either; this lets them through, longer each time.
    await pause(lockTimeout * attempt)
  }
}

/** The lock timeout, or a deadlock that was ended at this side. */
function isLockFailure(error: unknown): boolean {
  return ['55P03', '40P01'].includes(sqlState(error) ?? '')
}

function failed(
  what: string,
  before: readonly string[],
  { shape, done, attempts, lockTimeout, total }: RunOptions & { readonly total?: number },
  cause: unknown,
): TenantryError {
  const locked =
    shape === 'online' && isLockFailure(cause)
      ? ` It did not get its locks in ${attempts} attempts of ${lockTimeout ?? 0} ms: something holds them for longer, see pg_stat_activity and pg_blocking_pids().`
      : ''
  const stayed =
    before.length === 0
      ? `No step was ${done} before it.`
      : `${before.length} of ${total ?? before.length} steps were ${done} before it, the last of them "${before.at(-1) ?? ''}", and stay so.`
  const state =
    shape === 'offline'
      ? 'All of it was one transaction, which was rolled back: nothing was changed.'
      : stayed
  return new TenantryError({
    code: 'PLAN_FAILED',
    message: `${what} failed: ${messageOf(cause)}.${locked} ${state} Once the cause is removed, the same plan can be ${done} again, from its beginning.`,
    cause,
  })
}
