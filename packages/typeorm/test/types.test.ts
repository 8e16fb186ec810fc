import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const packageFolder = join(import.meta.dirname, '..')
const root = join(packageFolder, '../..')

// The check of the whole repository knows one release of TypeORM; this is for each.
test(
  'the sources and the tests of types compile with this release of TypeORM',
  { timeout: 120_000 },
  async ({ task }) => {
    const release = task.file.projectName?.split(' ')[1]
    const installed = join(
      packageFolder,
      'node_modules',
      release === '1.1' ? 'typeorm' : `typeorm-${release}`,
    )
    // Below the package, so that it finds its dependencies.
    const folder = mkdtempSync(join(packageFolder, 'node_modules/.types-'))
    try {
      const settings = {
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, paths: { typeorm: [join(installed, 'index.d.ts')] } },
        files: [
          join(packageFolder, 'src/index.ts'),
          join(packageFolder, 'test/tenant-column.test-d.ts'),
          join(packageFolder, 'test/tenant-repository.test-d.ts'),
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
