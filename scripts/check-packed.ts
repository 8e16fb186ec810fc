// Installs the packed packages into an empty project, as a stranger does, and uses them there: from ESM, from
// CommonJS and from strict TypeScript. What is run and compiled there is in scripts/packed-project.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packPackages, type PackedPackage } from './pack.ts'
import { runProgram } from './run-program.mjs'
import { repositoryRoot } from './workspace-folders.mjs'

const machineNode = process.env['TENANTRY_MACHINE_NODE'] ?? process.execPath

/** What users have beside the packages, and where this repository has it. */
const libraries: readonly (readonly [name: string, folder: string])[] = [
  ['pg', 'packages/core'],
  ['@types/pg', 'packages/core'],
  ['postgres', 'packages/core'],
  ['kysely', 'packages/kysely'],
  ['drizzle-orm', 'packages/drizzle'],
  ['typeorm', 'packages/typeorm'],
  ['@nestjs/common', 'packages/nestjs'],
  ['@nestjs/core', 'packages/nestjs'],
  ['@nestjs/platform-express', 'packages/nestjs'],
  ['reflect-metadata', 'packages/nestjs'],
  ['rxjs', 'packages/nestjs'],
]

/** The version that this repository itself uses, so that the outcome changes with a commit only. */
function installedVersion(packageFolder: string): string {
  const manifest = readFileSync(join(repositoryRoot, packageFolder, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function projectManifest(packages: readonly PackedPackage[]): object {
  return {
    private: true,
    dependencies: {
      ...Object.fromEntries(packages.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])),
      ...Object.fromEntries(
        libraries.map(([name, folder]) => [name, installedVersion(`${folder}/node_modules/${name}`)]),
      ),
      '@types/node': installedVersion('node_modules/@types/node'),
    },
  }
}

async function tryIn(project: string): Promise<number> {
  cpSync(join(repositoryRoot, 'scripts/packed-project'), project, { recursive: true })
  // The same code once more, to be read as CommonJS, which finds the other declarations.
  for (const name of ['use', 'adapters']) {
    cpSync(join(project, `${name}.ts`), join(project, `${name}.cts`))
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify(projectManifest(await packPackages())))
  const commands: readonly (readonly [string, ...string[]])[] = [
    ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'],
    ['tsc', '--project', '.'],
    ['tsc', '--project', 'tsconfig.adapters.json'],
    [machineNode, 'use.mjs'],
    [machineNode, 'use.cjs'],
    [machineNode, 'adapters.mjs'],
    [machineNode, 'adapters.cjs'],
  ]
  for (const [program, ...programArguments] of commands) {
    const code = await runProgram(program, programArguments, { cwd: project })
    if (code !== 0) {
      console.error(
        `In a project that installed the packages, this failed: ${program} ${programArguments.join(' ')}`,
      )
      return code
    }
  }
  return 0
}

const project = mkdtempSync(join(tmpdir(), 'tenantry-packed-'))
try {
  process.exitCode = await tryIn(project)
} finally {
  rmSync(project, { recursive: true, force: true })
}
