import { expect, test } from 'vitest'
import { readTotals } from '../test-totals.ts'

function file(status: string, ...tests: string[]) {
  return { status, assertionResults: tests.map((own) => ({ status: own })) }
}

test('passed, failed and everything else are counted', () => {
  const report = {
    testResults: [file('passed', 'passed', 'skipped', 'todo'), file('failed', 'failed', 'passed')],
  }
  expect(readTotals(report)).toEqual({ passed: 2, failed: 1, skipped: 2 })
})

test('a file that could not be loaded, or whose hook threw, is a failure', () => {
  const report = { testResults: [file('failed'), file('failed', 'passed', 'skipped')] }
  expect(readTotals(report)).toEqual({ passed: 1, failed: 2, skipped: 1 })
})
