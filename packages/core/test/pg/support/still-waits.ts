import type { TestDatabase } from '@tenantry/testing'

/** Whether something is unsettled after the server has answered a few other sessions, one after another. */
export async function stillWaits(work: Promise<unknown>, database: TestDatabase): Promise<boolean> {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  work.then(settle, settle)
  for (let round = 0; round < 5; round += 1) await database.query('select 1')
  return !settled
}
