import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabaseUrls } from '@tenantry/testing'
import * as typeorm from 'typeorm'

const packageFolder = join(import.meta.dirname, '..')

/** What a run of TypeORM's command line printed, and whether it was content. */
export interface CliRun {
  readonly output: string
  readonly failed: boolean
}

/** A project with the data sources of test/cli-project, and the release of TypeORM that the tests run on. */
export class CliProject {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tenantry-typeorm-'))
  readonly #urls: TestDatabaseUrls

  constructor(urls: TestDatabaseUrls) {
    this.#urls = urls
    const modules = join(this.#folder, 'node_modules')
    mkdirSync(join(modules, '@tenantry'), { recursive: true })
    symlinkSync(typeormFolder(), join(modules, 'typeorm'))
    for (const name of ['pg', 'reflect-metadata', '@tenantry/core', '@tenantry/policies']) {
      symlinkSync(realpathSync(join(packageFolder, 'node_modules', name)), join(modules, name))
    }
    for (const name of ['src', 'test/cli-project']) {
      cpSync(join(packageFolder, name), join(this.#folder, name), { recursive: true })
    }
    writeFileSync(join(this.#folder, 'package.json'), JSON.stringify({ type: 'module' }))
  }

  /** Runs `typeorm <command> --dataSource <dataSource>.ts`. */
  run(dataSource: 'owner' | 'plain-owner' | 'application', ...command: string[]): Promise<CliRun> {
    const values = [
      '--conditions=@tenantry/source',
      join(this.#folder, 'node_modules/typeorm/cli.js'),
      ...command,
      '--dataSource',
      join(this.#folder, 'test/cli-project', `${dataSource}.ts`),
    ]
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      NO_COLOR: '1',
      DATABASE_URL: this.#urls.app,
      OWNER_DATABASE_URL: this.#urls.owner,
    }
    return new Promise((resolve) => {
      execFile(process.execPath, values, { cwd: this.#folder, env }, (error, stdout, stderr) => {
        resolve({ output: stdout + stderr, failed: error !== null })
      })
    })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

/** Where the test project's alias leads. */
function typeormFolder(): string {
  const load = createRequire(import.meta.url)
  const found = ['typeorm', 'typeorm-0.3', 'typeorm-0.3.20']
    .map((name) => realpathSync(join(packageFolder, 'node_modules', name)))
    .find((folder) => (load(join(folder, 'index.js')) as typeof typeorm).DataSource === typeorm.DataSource)
  if (found === undefined) throw new Error('The tests run on another release of TypeORM.')
  return found
}
