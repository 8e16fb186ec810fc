import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { findMachineNode, repositoryNode } from './nodes.mjs'
import { runPnpm } from './pnpm.mjs'
import { repositoryRoot, workspaceFolders } from './workspace-folders.mjs'

// Says which installation is complete. Written last, so that one that was cut short is done again.
const stamp = join(repositoryRoot, 'node_modules', '.tenantry', 'installed')

/**
 * Installs the dependencies unless they are there as the lockfile and every package.json want them.
 *
 * @returns {Promise<number>} The exit code of the installation, 0 where there was none to do.
 */
export async function ensureInstalled() {
  const wanted = wantedInstallation()
  if (isInstalled(wanted)) return 0
  rmSync(stamp, { force: true })
  console.error('Installing the dependencies, which takes a minute: once, and again when they change.')
  const code = await install()
  if (code === 0) {
    mkdirSync(dirname(stamp), { recursive: true })
    writeFileSync(stamp, wanted)
  } else {
    console.error(`\nThe installation failed with exit code ${code}: see above for why.`)
  }
  return code
}

/** Changes with everything that decides what an installation contains. */
function wantedInstallation() {
  const manifests = ['.', ...workspaceFolders()].map((folder) => join(folder, 'package.json'))
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]) {
    hash.update(file).update(readFileSync(join(repositoryRoot, file)))
  }
  return hash.digest('hex')
}

/** @param {string} wanted */
function isInstalled(wanted) {
  return existsSync(repositoryNode) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
}

function install() {
  return runPnpm(
    [
      'install',
      '--frozen-lockfile',
      // Users may have said otherwise for themselves, and then the `node` package would stay without its binary.
      '--no-ignore-scripts',
      '--prod=false',
      // pnpm asks before it replaces what another store has installed, and gives up where nobody can answer.
      '--config.confirm-modules-purge=false',
    ],
    // With the machine's Node: the repository's own is what this installation is about to replace.
    { env: { PATH: [dirname(findMachineNode()), process.env['PATH']].join(delimiter) } },
  )
}
