/** What is read of the report of vitest's `json` reporter. */
export interface TestReport {
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/**
 * Counts the tests of a run. A file that failed although none of its tests did, because it could not be loaded or a
 * hook of it threw, counts as one failure: vitest's own totals leave it out.
 */
export function readTotals(report: TestReport): { passed: number; failed: number; skipped: number } {
  const statuses = report.testResults.flatMap((file) => {
    const own = file.assertionResults.map((test) => test.status)
    return file.status === 'failed' && !own.includes('failed') ? [...own, 'failed'] : own
  })
  const passed = statuses.filter((status) => status === 'passed').length
  const failed = statuses.filter((status) => status === 'failed').length
  return { passed, failed, skipped: statuses.length - passed - failed }
}
