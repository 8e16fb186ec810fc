import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import type { Plan, Step } from '../../../src/plan/plan.ts'
import { smallApplication } from '../schemas/small-application.ts'
import { comparableCatalogue } from './catalogues.ts'
import { contentsOf } from './contents.ts'
import { copyOfTemplate, type DatabaseCopy } from './database-copy.ts'
import { runStatements } from './run-plan.ts'

/** What a database is: everything in which two of them can differ. */
export interface State {
  readonly catalogue: Catalogue
  readonly contents: Readonly<Record<string, readonly unknown[]>>
}

export async function stateOf({ owner, superuser }: DatabaseCopy): Promise<State> {
  return {
    catalogue: await comparableCatalogue(owner, smallApplication.tenancy),
    contents: await contentsOf(superuser),
  }
}

/** Runs something on a database as it is before the plan. */
export async function onSmallApplication<T>(run: (database: DatabaseCopy) => Promise<T>): Promise<T> {
  const database = await copyOfTemplate('proof-cut', async (query) => {
    await query(smallApplication.setup)
  })
  return dropping(database, () => run(database))
}

export async function dropping<T>(database: DatabaseCopy, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } finally {
    await database.drop()
  }
}

/** Begins a transaction, sends the statements and loses the connection. */
export async function cutTransaction(
  database: DatabaseCopy,
  statements: readonly { readonly step: Step; readonly statement: string }[],
): Promise<void> {
  await database.owner('BEGIN')
  for (const { step, statement } of statements) await runStatements(database.owner, step, [statement])
  await database.disconnect()
}

/**
 * Carries an online plan out and stops wherever something has been committed: after each step that is a transaction, and
 * after each statement of one that is not.
 */
export async function atEveryCut(
  database: DatabaseCopy,
  plan: Plan,
  look: (where: string) => Promise<void>,
): Promise<void> {
  for (const step of plan.steps) {
    const parts = step.transaction ? [step.statements] : step.statements.map((statement) => [statement])
    for (const [number, statements] of parts.entries()) {
      if (step.transaction) await database.owner('BEGIN')
      await runStatements(database.owner, step, statements)
      if (step.transaction) await database.owner('COMMIT')
      await look(`cut off after ${step.transaction ? '' : `statement ${number + 1} of `}"${step.id}"`)
    }
  }
}
