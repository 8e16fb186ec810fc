// Checks the packages as they would be published: with publint, with attw, and that `exports` says what was built.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { packPackages } from './pack.ts'
import { runProgram } from './run-program.mjs'
import { publishedPackages, type ExportsEntry, type WorkspacePackage } from './workspace.ts'
import { repositoryRoot } from './workspace-folders.mjs'

/** What is wrong with the `exports` of a package, in sentences. */
function exportsProblems({ folder, manifest }: WorkspacePackage): string[] {
  const problems: string[] = []
  const published = manifest.publishConfig?.exports ?? {}
  if (!isDeepStrictEqual(withoutSource(manifest.exports ?? {}), published)) {
    problems.push(`${folder}/package.json: publishConfig.exports is not exports without @tenantry/source.`)
  }
  const exported = paths(published).filter((path) => path.startsWith('./dist/'))
  const built = readdirSync(join(repositoryRoot, folder, 'dist'))
    .filter((file) => !file.endsWith('.map'))
    .map((file) => `./dist/${file}`)
  for (const path of built) {
    if (!exported.includes(path) && !isShared(path))
      problems.push(`${folder}: ${path} is built, and exports does not lead to it.`)
  }
  for (const path of exported) {
    if (!built.includes(path)) problems.push(`${folder}: exports leads to ${path}, which is not built.`)
  }
  return problems
}

function withoutSource(entry: ExportsEntry): ExportsEntry {
  if (typeof entry === 'string') return entry
  const kept = Object.entries(entry).filter(([condition]) => condition !== '@tenantry/source')
  return Object.fromEntries(kept.map(([condition, target]) => [condition, withoutSource(target)]))
}

function paths(entry: ExportsEntry): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(paths)
}

/** What several entries of a package have in common: tsup names it by its content's hash. */
function isShared(path: string): boolean {
  return /\/chunk-|-[\w-]{8}\.d\.c?ts$/.test(path)
}

async function check(): Promise<number> {
  const problems = publishedPackages().flatMap(exportsProblems)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) return 1
  for (const { tarball } of await packPackages()) {
    for (const command of [
      ['publint', 'run', tarball, '--strict'],
      // Not node10: it knows no `exports`, and cannot see a path below a package.
      ['attw', tarball, '--profile', 'node16', '--format', 'ascii'],
    ] as const) {
      const [program, ...programArguments] = command
      const code = await runProgram(program, programArguments, { cwd: repositoryRoot })
      if (code !== 0) return code
    }
  }
  return 0
}

process.exitCode = await check()
