import { expect, it } from 'vitest'
import { fullEffort, quickEffort } from '../src/effort.ts'
import { policyTables } from '../src/report-policies.ts'

/** The last column of the three tables, for the generated policies at that cost. */
function verdicts(ratio: number, added: number, effort = fullEffort): string[] {
  const cost = { median: 50, minimum: 40, ratio, added }
  const costs = { scan: cost, key: cost, 'key-unprepared': cost }
  const plans = { scan: [], key: [] }
  const rows = [
    { way: 'hand-written', generated: false, costs, plans },
    { way: 'generated', generated: true, costs, plans },
  ]
  return policyTables(rows, effort).map((table) => {
    expect(table.rows[0]!.at(-1)).toBe('')
    return table.rows[1]!.at(-1)!
  })
}

it('says whether the generated policies cost no more than they may', () => {
  expect(verdicts(1.05, 10)).toEqual(['1.05x: reached', '+10.0 µs: reached', ''])
  expect(verdicts(1.06, 10.1)).toEqual(['1.05x: missed', '+10.0 µs: missed', ''])
})

it('does not judge a scan of fewer rows than the target is about', () => {
  expect(verdicts(1.2, -1, quickEffort)).toEqual(['', '+10.0 µs: reached', ''])
})
