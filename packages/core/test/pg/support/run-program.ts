import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pgVersion } from './pg-version.ts'

/** How a program ended, and what it wrote. */
export interface ProgramRun {
  /** `null` if it had to be killed. */
  readonly exitCode: number | null
  readonly output: string
}

/** How long a program may take to end by itself, in milliseconds. */
const PATIENCE = 10_000

/**
 * Runs one of the programs of this folder's `programs`, on the sources and on the release of pg that the tests run on.
 */
export function runProgram(name: string, environment: Record<string, string>): Promise<ProgramRun> {
  const here = new URL('../programs/', import.meta.url)
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [
        '--conditions=@tenantry/source',
        '--import',
        new URL('use-pg-version.ts', here).href,
        fileURLToPath(new URL(`${name}.ts`, here)),
      ],
      { env: { ...process.env, ...environment, TENANTRY_TEST_PG: pgVersion }, timeout: PATIENCE },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code
        resolve({ exitCode: typeof code === 'number' ? code : null, output: stdout + stderr })
      },
    )
  })
}
