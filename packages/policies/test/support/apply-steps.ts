import type { Plan, Step } from '../../src/plan/plan.ts'
import type { Query } from '../../src/query.ts'

type Steps = Pick<Plan, 'shape' | 'steps'>

/** Applies a plan, offline in one transaction. */
export async function applySteps(query: Query, plan: Steps): Promise<void> {
  if (plan.shape === 'offline')
    return inTransaction(
      query,
      plan.steps.flatMap(({ statements }) => statements),
    )
  for (const unit of unitsOf(plan.steps)) await inTransaction(query, unit)
}

/** Takes a plan back, the last step first. */
export async function undoSteps(query: Query, plan: Steps): Promise<void> {
  const steps = plan.steps.toReversed().map((step) => ({ ...step, statements: step.undo }))
  await applySteps(query, { shape: plan.shape, steps })
}

/** Applies the first so many units of an online plan, as if the connection had been cut then. */
export async function applyUnits(query: Query, plan: Steps, count: number): Promise<void> {
  for (const unit of unitsOf(plan.steps).slice(0, count)) await inTransaction(query, unit)
}

/** What is done together or not at all: the statements of a step in one transaction, else each statement. */
export function unitsOf(steps: readonly Step[]): readonly (readonly string[])[] {
  return steps.flatMap(({ statements, transaction }) =>
    transaction ? [statements] : statements.map((statement) => [statement]),
  )
}

async function inTransaction(query: Query, statements: readonly string[]): Promise<void> {
  // A statement by itself is a transaction, and some refuse to be part of another.
  const together = statements.length > 1
  if (together) await query('BEGIN')
  for (const statement of statements) {
    try {
      await query(statement)
    } catch (error) {
      if (together) await query('ROLLBACK')
      throw new Error(`${(error as Error).message}, from:\n${statement}`, { cause: error })
    }
  }
  if (together) await query('COMMIT')
}
