import type { Plan, Step } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'

/** Carries a plan out, each step as the plan says, all of it in one transaction if its shape is offline. */
export async function runPlan(query: Query, plan: Plan): Promise<void> {
  if (plan.shape === 'offline') {
    await inTransaction(query, async () => {
      for (const step of plan.steps) await runStatements(query, step, step.statements)
    })
    return
  }
  for (const step of plan.steps) await runStep(query, step)
}

/** Takes a plan back. */
export async function takeBack(query: Query, plan: Plan): Promise<void> {
  for (const step of plan.steps.toReversed()) {
    const run = (): Promise<void> => runStatements(query, step, step.undo)
    await (step.transaction ? inTransaction(query, run) : run())
  }
}

/** One step of an online plan. */
export async function runStep(query: Query, step: Step): Promise<void> {
  const run = (): Promise<void> => runStatements(query, step, step.statements)
  await (step.transaction ? inTransaction(query, run) : run())
}

/** Some statements of a step, without a transaction around them; an error says which step and statement it was. */
export async function runStatements(query: Query, step: Step, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    try {
      await query(statement)
    } catch (error) {
      throw new Error(`Step "${step.id}" failed: ${String(error)}\n${statement}`, { cause: error })
    }
  }
}

async function inTransaction(query: Query, run: () => Promise<void>): Promise<void> {
  await query('BEGIN')
  try {
    await run()
    await query('COMMIT')
  } catch (error) {
    await query('ROLLBACK')
    throw error
  }
}
