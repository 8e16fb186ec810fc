import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, globSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDrizzle1 } from './drizzle-release.ts'

const packageFolder = join(import.meta.dirname, '..')

/** What a run of drizzle-kit printed, and whether it was content. */
export interface KitRun {
  readonly output: string
  readonly failed: boolean
}

/** A project with drizzle-kit, the schema of test/kit-project, and the release of Drizzle that the tests run on. */
export class KitProject {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tenantry-drizzle-kit-'))
  readonly #ownerUrl: string

  constructor(ownerUrl: string) {
    this.#ownerUrl = ownerUrl
    const modules = join(this.#folder, 'node_modules')
    mkdirSync(join(modules, '@tenantry'), { recursive: true })
    symlinkSync(installed(isDrizzle1 ? 'drizzle-orm-1.0' : 'drizzle-orm'), join(modules, 'drizzle-orm'))
    symlinkSync(installed('pg'), join(modules, 'pg'))
    symlinkSync(installed('@tenantry/core'), join(modules, '@tenantry/core'))
    if (isDrizzle1) {
      // Copied, as its own place has another release of drizzle-orm beside it.
      mkdirSync(join(modules, 'drizzle-kit'))
      for (const file of ['bin.cjs', 'package.json']) {
        copyFileSync(join(installed('drizzle-kit-1.0'), file), join(modules, 'drizzle-kit', file))
      }
    } else {
      symlinkSync(installed('drizzle-kit'), join(modules, 'drizzle-kit'))
    }
    cpSync(join(packageFolder, 'src'), join(this.#folder, 'src'), { recursive: true })
    cpSync(join(packageFolder, 'test/kit-project'), join(this.#folder, 'test/kit-project'), {
      recursive: true,
    })
    writeFileSync(join(this.#folder, 'package.json'), JSON.stringify({ type: 'module' }))
  }

  /** Runs `drizzle-kit <command>`. */
  run(command: string, ...options: string[]): Promise<KitRun> {
    return this.#run('drizzle.config.ts', command, options)
  }

  /** The same without `schemaFilter`. */
  runUnfiltered(command: string, ...options: string[]): Promise<KitRun> {
    return this.#run('unfiltered.config.ts', command, options)
  }

  /** The SQL files, in their order. */
  migrations(): string[] {
    return globSync('migrations/**/*.sql', { cwd: this.#folder })
      .sort()
      .map((file) => join(this.#folder, file))
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }

  #run(config: string, command: string, options: readonly string[]): Promise<KitRun> {
    const kit = join(this.#folder, 'node_modules/drizzle-kit/bin.cjs')
    const parameters = [kit, command, '--config', `test/kit-project/${config}`, ...options]
    const environment = {
      ...process.env,
      OWNER_DATABASE_URL: this.#ownerUrl,
      NODE_OPTIONS: '--conditions=@tenantry/source',
    }
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        parameters,
        { cwd: this.#folder, env: environment, timeout: 60_000 },
        (error, output, errors) => resolve({ output: output + errors, failed: error !== null }),
      )
      child.stdin?.end()
    })
  }
}

function installed(name: string): string {
  return realpathSync(join(packageFolder, 'node_modules', name))
}
