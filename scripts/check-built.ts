// Tries the built packages on the Node that runs npm on this machine: it may be the oldest that users have, while the
// tools of this repository need a newer one. Every entry loads, as ESM and as CommonJS, and the conformance suite passes.
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { publishedPackages } from './workspace.ts'
import { repositoryRoot } from './workspace-folders.mjs'

const node = process.env['TENANTRY_MACHINE_NODE'] ?? process.execPath

const ways = {
  import: (name: string) => `await import('${name}')`,
  require: (name: string) => `(await import('node:module')).createRequire(process.cwd() + '/')('${name}')`,
}

/** The names that a module exports. It is loaded from the folder of its own package, which knows itself by name. */
function exportedNames(folder: string, module: string): string[] {
  const program = `console.log(JSON.stringify(Object.keys(${module}).sort()))`
  const output = execFileSync(node, ['--input-type=module', '--eval', program], {
    cwd: join(repositoryRoot, folder),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(output) as string[]
}

/** What is wrong with an entry, if anything. */
function entryProblem(folder: string, name: string): string | undefined {
  try {
    const imported = exportedNames(folder, ways.import(name))
    const required = exportedNames(folder, ways.require(name))
    if (imported.length > 0 && isDeepStrictEqual(imported, required)) return undefined
    return `exports ${imported.join(', ')} when imported, and ${required.join(', ')} when required.`
  } catch {
    return 'cannot be loaded: Node says above why.'
  }
}

console.log(`Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
for (const { folder, manifest } of publishedPackages()) {
  for (const entry of Object.keys(manifest.exports ?? {}).filter((path) => path !== './package.json')) {
    const name = entry.replace('.', manifest.name)
    const problem = entryProblem(folder, name)
    console.log(`${name} ${problem ?? 'loads.'}`)
    if (problem !== undefined) process.exitCode = 1
  }
}

if (!process.exitCode) {
  const suite = 'packages/core/test/built/conformance.test.mjs'
  console.log(`The conformance suite, in ${suite}:`)
  const run = spawnSync(node, ['--test', '--test-reporter=dot', suite], {
    cwd: repositoryRoot,
    stdio: 'inherit',
  })
  process.exitCode = run.status ?? 1
}
