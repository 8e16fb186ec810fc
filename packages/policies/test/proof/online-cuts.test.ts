import { beforeAll, describe, expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../src/apply/apply-plan.ts'
import type { Plan, Step } from '../../src/plan/plan.ts'
import { smallApplication } from './schemas/small-application.ts'
import { planFor } from './support/catalogues.ts'
import { atEveryCut, dropping, onSmallApplication, type State, stateOf } from './support/cuts.ts'
import type { DatabaseCopy } from './support/database-copy.ts'
import { runStatements } from './support/run-plan.ts'

const { tenancy } = smallApplication

let before: State
let after: State

beforeAll(() =>
  onSmallApplication(async (database) => {
    before = await stateOf(database)
    await applyPlan(database.owner, await planFor(database.owner, tenancy, 'offline'))
    after = await stateOf(database)
  }),
)

/** What can be done with a database in which an online plan was cut off, and what it leads to. */
const repairs: Readonly<Record<string, (database: DatabaseCopy, plan: Plan) => Promise<State>>> = {
  'the same plan, applied from its beginning, ends as if it had not been cut': async ({ owner }, plan) => {
    await applyPlan(owner, plan)
    return after
  },
  'a new plan from the catalogue ends as if it had not been cut': async ({ owner }) => {
    await applyPlan(owner, await planFor(owner, tenancy, 'online'))
    return after
  },
  'undo restores what was there before': async ({ owner }, plan) => {
    await undoPlan(owner, plan)
    return before
  },
}

describe('an online plan that is cut off after any statement:', () => {
  // Each on databases of its own, and most of the time is PostgreSQL's.
  test.concurrent.each(Object.entries(repairs))('%s', { timeout: 600_000 }, async (_, repair) => {
    await onSmallApplication(async (database) => {
      const plan = await planFor(database.owner, tenancy, 'online')
      await atEveryCut(database, plan, async (where) => {
        const copy = await database.copy()
        await dropping(copy, async () => {
          const expected = await repair(copy, plan).catch((error: unknown) => {
            throw new Error(`${where}: ${String(error)}`, { cause: error })
          })
          expect(await stateOf(copy), where).toEqual(expected)
        })
      })
    })
  })

  test.concurrent(
    'an index that was being built is invalid then, and is built anew',
    { timeout: 600_000 },
    async () => {
      await onSmallApplication(async (database) => {
        const plan = await planFor(database.owner, tenancy, 'online')
        let built = 0
        for (const step of plan.steps) {
          for (const statement of step.statements) {
            if (/^CREATE (UNIQUE )?INDEX CONCURRENTLY/.test(statement)) {
              const copy = await database.copy()
              await dropping(copy, () => expectRebuilt(copy, plan, step, statement))
              built += 1
            }
            await runStatements(database.owner, step, [statement])
          }
        }
        expect(built).toBeGreaterThan(5)
      })
    },
  )
})

/** Has the index given up while it waits for somebody else's transaction, as it does when it is cancelled. */
async function expectRebuilt(
  database: DatabaseCopy,
  plan: Plan,
  step: Step,
  statement: string,
): Promise<void> {
  await database.superuser('BEGIN')
  await database.superuser(`LOCK TABLE ${await allTables(database)} IN ROW EXCLUSIVE MODE`)
  await database.owner(`SET statement_timeout = '500ms'`)
  await expect(runStatements(database.owner, step, [statement])).rejects.toThrow('statement timeout')
  await database.superuser('ROLLBACK')
  const { rows } = await database.superuser('SELECT FROM pg_index WHERE NOT indisvalid')
  expect(rows, statement).not.toEqual([])

  const again = await database.copy()
  await dropping(again, async () => {
    await applyPlan(again.owner, await planFor(again.owner, tenancy, 'online'))
    expect(await stateOf(again), `a new plan after ${statement}`).toEqual(after)
  })
  await applyPlan(database.owner, plan)
  expect(await stateOf(database), `the same plan after ${statement}`).toEqual(after)
}

async function allTables({ superuser }: DatabaseCopy): Promise<string> {
  const { rows } = await superuser(
    `SELECT string_agg(oid::regclass::text, ', ') AS tables FROM pg_class
     WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`,
  )
  return String(rows[0]?.['tables'])
}
