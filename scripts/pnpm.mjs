import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from './run-program.mjs'
import { repositoryRoot } from './workspace-folders.mjs'

/**
 * Runs the pnpm version that `engines.pnpm` of the root package.json pins, which npm fetches when it is not there yet.
 *
 * @param {readonly string[]} pnpmArguments
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [settings]
 * @returns {Promise<number>} The exit code.
 */
export function runPnpm(pnpmArguments, settings = {}) {
  const manifest = readFileSync(join(repositoryRoot, 'package.json'), 'utf8')
  const { engines } = /** @type {{ engines: { pnpm: string } }} */ (JSON.parse(manifest))
  return runProgram('npx', ['--yes', `pnpm@${engines.pnpm}`, ...pnpmArguments], {
    cwd: repositoryRoot,
    ...settings,
    // npm's own warnings are about the user's npm settings, not about this repository.
    env: { ...process.env, ...settings.env, npm_config_loglevel: 'error' },
    // On Windows npx is a script, which only a shell starts.
    shell: process.platform === 'win32',
  })
}
