import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import type { RenderedFile } from '../../../src/render/rendered-file.ts'

const installed = fileURLToPath(new URL('../../../node_modules', import.meta.url))

/** A folder for migrations, beside which this package's dependencies are installed. */
export async function migrationsFolder(): Promise<{
  folder: string
  write(files: readonly RenderedFile[]): Promise<readonly string[]>
  remove(): Promise<void>
}> {
  const project = await mkdtemp(join(tmpdir(), 'tenantry-render-'))
  const folder = join(project, 'migrations')
  await mkdir(folder)
  await symlink(installed, join(project, 'node_modules'))
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  return {
    folder,
    async write(files) {
      const paths = files.map(({ path }) => join(folder, path))
      for (const [at, path] of paths.entries()) {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, files[at]?.content ?? '')
      }
      return paths
    },
    remove: () => rm(project, { recursive: true }),
  }
}

/** What TypeScript at its strictest says about files. */
export function typeErrors(paths: readonly string[]): readonly string[] {
  const program = ts.createProgram(paths, {
    strict: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  })
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}
