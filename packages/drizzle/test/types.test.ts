import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { isDrizzle1 } from './drizzle-release.ts'
import { relationTypes } from './relations-types.ts'

const packageFolder = join(import.meta.dirname, '..')
const root = join(packageFolder, '../..')

// The check of the whole repository knows one release of Drizzle; this is for both.
test(
  'the sources and the tests of types compile with this release of Drizzle',
  { timeout: 120_000 },
  async () => {
    // Below the package, so that it finds its dependencies.
    const folder = mkdtempSync(join(packageFolder, 'node_modules/.types-'))
    try {
      const installed = join(packageFolder, 'node_modules', isDrizzle1 ? 'drizzle-orm-1.0' : 'drizzle-orm')
      const text = relationTypes[isDrizzle1 ? '1.0' : '0.45']
        .replaceAll(`'./src/`, `'${relative(folder, packageFolder)}/src/`)
        .replaceAll(`'./test/`, `'${relative(folder, packageFolder)}/test/`)
      writeFileSync(join(folder, 'relations.ts'), text)
      const subpaths = ['cache/core', 'node-postgres', 'pg-core', 'postgres-js'].map((path) => [
        `drizzle-orm/${path}`,
        [join(installed, path, 'index.d.ts')],
      ])
      const settings = {
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: {
          noEmit: true,
          paths: { 'drizzle-orm': [join(installed, 'index.d.ts')], ...Object.fromEntries(subpaths) },
        },
        files: [
          'relations.ts',
          join(packageFolder, 'src/index.ts'),
          join(packageFolder, 'test/tables.test-d.ts'),
          join(root, 'packages/core/src/pg/pg-utils.d.ts'),
        ],
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
      expect(await compile(folder)).toBe('')
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

/** What tsc has to say about a folder: nothing, or its errors. */
function compile(folder: string): Promise<string> {
  const tsc = join(root, 'node_modules/typescript-7/bin/tsc')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '--project', folder, '--pretty', 'false'], (error, output) => {
      if (error !== null && output === '') reject(error)
      else resolve(output)
    })
  })
}
