// Builds every published package into its dist folder.
import { join } from 'node:path'
import { runProgram } from './run-program.mjs'
import { publishedPackages } from './workspace.ts'
import { repositoryRoot } from './workspace-folders.mjs'

for (const { folder, manifest } of publishedPackages()) {
  console.log(manifest.name)
  process.exitCode = await runProgram('tsup', ['--silent'], {
    cwd: join(repositoryRoot, folder),
    shell: process.platform === 'win32',
  })
  if (process.exitCode !== 0) break
}
