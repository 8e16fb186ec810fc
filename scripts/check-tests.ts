// Runs the tests and ends with their totals in one line, `N passed, N failed, N skipped`.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from './run-program.mjs'
import { readTotals, type TestReport } from './test-totals.ts'
import { repositoryRoot } from './workspace-folders.mjs'

const report = join(repositoryRoot, 'node_modules/.tenantry/test-report.json')

// Totals of an earlier run must never stand for this one.
rmSync(report, { force: true })
const code = await runProgram(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  { cwd: repositoryRoot, shell: process.platform === 'win32' },
)
process.exitCode = code
if (existsSync(report)) {
  const { passed, failed, skipped } = readTotals(JSON.parse(readFileSync(report, 'utf8')) as TestReport)
  if (code !== 0 && failed === 0)
    console.error(`No test failed, but the run did, with exit code ${code}: see above.`)
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
} else {
  console.error(`The tests ended with exit code ${code} and without a report.`)
  process.exitCode ||= 1
}
