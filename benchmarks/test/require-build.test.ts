import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requireBuild } from '../src/require-build.ts'

describe('the check that the packages are built', () => {
  let packages: string

  beforeEach(() => {
    packages = `${mkdtempSync(join(tmpdir(), 'tenantry-benchmarks-'))}/`
    for (const name of ['core', 'drizzle', 'nestjs', 'policies', 'testing', 'typeorm']) {
      write(`${name}/src/index.ts`, 1000)
      write(`${name}/dist/index.js`, 2000)
    }
  })

  afterEach(() => rmSync(packages, { recursive: true }))

  function write(path: string, modifiedAt: number): void {
    const file = join(packages, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, '')
    utimesSync(file, modifiedAt, modifiedAt)
  }

  it('passes when everything is built from the present sources', () => {
    expect(() => requireBuild(packages)).not.toThrow()
  })

  it('names the package that is not built, and the command', () => {
    rmSync(join(packages, 'testing/dist'), { recursive: true })
    expect(() => requireBuild(packages)).toThrow(/@tenantry\/testing is not built.*pnpm bench/)
  })

  it('names the package whose sources are newer', () => {
    write('core/src/pg/index.ts', 3000)
    expect(() => requireBuild(packages)).toThrow(/@tenantry\/core has changed since it was built/)
  })
})
