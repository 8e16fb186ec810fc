import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { testApi } from './test-api.ts'

const folder = join(import.meta.dirname, '..')
const repository = join(folder, '../..')

// What the line of the README does, whichever file imports the driver.
vi.mock(import('../src/node-postgres.ts'), () => import('../src/postgres-js.ts') as never)

testApi()

test('that was on postgres.js', async () => {
  const { connect } = await import('../src/node-postgres.ts')
  expect(connect('postgres://localhost/app').$client).toHaveProperty('unsafe')
})

test('the API compiles with the line that the README gives', { timeout: 120_000 }, async () => {
  const [line] = /^import .*postgres-js\.ts.*$/m.exec(readFileSync(join(folder, 'README.md'), 'utf8')) ?? []
  // Below the example, so that it finds its dependencies.
  const copy = mkdtempSync(join(folder, 'node_modules/.postgres-js-'))
  try {
    cpSync(join(folder, 'src'), join(copy, 'src'), { recursive: true })
    const database = join(copy, 'src/database.ts')
    const text = readFileSync(database, 'utf8')
    const switched = text.replace(/^import .*node-postgres\.ts.*$/m, line!)
    expect(switched).not.toBe(text)
    writeFileSync(database, switched)
    writeFileSync(
      join(copy, 'tsconfig.json'),
      JSON.stringify({
        extends: join(repository, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true },
        files: ['src/main.ts', join(repository, 'packages/core/src/pg/pg-utils.d.ts')],
      }),
    )
    const tsc = join(repository, 'node_modules/typescript-7/bin/tsc')
    const compiling = promisify(execFile)(process.execPath, [tsc, '--project', copy, '--pretty', 'false'])
    expect(await compiling.catch((error: { stdout: string }) => error)).toMatchObject({ stdout: '' })
  } finally {
    rmSync(copy, { recursive: true })
  }
})
