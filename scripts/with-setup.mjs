// Runs Node as its arguments say: the Node of this repository, in its root, after installing what is missing.
//
//   node scripts/with-setup.mjs scripts/check.ts types
//
// It needs nothing but npm and any Node since 20, so that `npm test` and `npm run demo` work in a fresh clone.
import { delimiter, join } from 'node:path'
import { ensureInstalled } from './installation.mjs'
import { findMachineNode, repositoryNode } from './nodes.mjs'
import { runProgram } from './run-program.mjs'
import { repositoryRoot } from './workspace-folders.mjs'

process.exitCode = await ensureInstalled()
if (process.exitCode === 0) {
  process.exitCode = await runProgram(repositoryNode, process.argv.slice(2), {
    cwd: repositoryRoot,
    env: {
      ...process.env,
      PATH: [join(repositoryRoot, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
      // What is built is tried on it: see check-built.ts.
      TENANTRY_MACHINE_NODE: findMachineNode(),
    },
  })
}
