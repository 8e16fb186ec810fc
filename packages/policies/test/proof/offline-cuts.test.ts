import { expect, test } from 'vitest'
import { applyPlan } from '../../src/apply/apply-plan.ts'
import { smallApplication } from './schemas/small-application.ts'
import { planFor } from './support/catalogues.ts'
import { atEveryCut, cutTransaction, onSmallApplication, stateOf } from './support/cuts.ts'

const { tenancy } = smallApplication

test(
  'an offline plan that is cut off after any statement has changed nothing, and can be applied then',
  { timeout: 300_000 },
  async () => {
    await onSmallApplication(async (database) => {
      const before = await stateOf(database)
      const plan = await planFor(database.owner, tenancy, 'offline')
      const statements = plan.steps.flatMap((step) =>
        step.statements.map((statement) => ({ step, statement })),
      )
      for (let count = 1; count <= statements.length; count += 1) {
        await cutTransaction(database, statements.slice(0, count))
        const last = statements[count - 1]
        expect(await stateOf(database), `cut off in "${last?.step.id}" after ${last?.statement}`).toEqual(
          before,
        )
      }
      // In the same state as without a cut, the same plan or a new one, which is no other, leads to the same.
      expect((await planFor(database.owner, tenancy, 'offline')).steps).toEqual(plan.steps)
      await applyPlan(database.owner, plan)
      expect((await planFor(database.owner, tenancy, 'offline')).steps).toEqual([])
    })
  },
)

test(
  'a step of an online plan that is cut off within its transaction has changed nothing',
  { timeout: 300_000 },
  async () => {
    await onSmallApplication(async (database) => {
      const plan = await planFor(database.owner, tenancy, 'online')
      let committed = await stateOf(database)
      let next = 0
      const cutNextStep = async (): Promise<void> => {
        const step = plan.steps[next]
        next += 1
        if (!step?.transaction) return
        for (let count = 1; count < step.statements.length; count += 1) {
          const statements = step.statements.slice(0, count).map((statement) => ({ step, statement }))
          await cutTransaction(database, statements)
          expect(await stateOf(database), `${count} statements of "${step.id}"`).toEqual(committed)
        }
      }
      await cutNextStep()
      await atEveryCut(database, plan, async () => {
        committed = await stateOf(database)
        await cutNextStep()
      })
    })
  },
)
