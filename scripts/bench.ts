// Runs the benchmarks, which measure what users get: the built packages. Arguments are theirs: `npm run bench -- --help`.
import { runProgram } from './run-program.mjs'
import { repositoryRoot } from './workspace-folders.mjs'

const settings = { cwd: repositoryRoot }
process.exitCode = await runProgram(process.execPath, ['scripts/build.ts'], settings)
if (process.exitCode === 0) {
  process.exitCode = await runProgram(
    process.execPath,
    ['benchmarks/src/main.ts', ...process.argv.slice(2)],
    settings,
  )
}
