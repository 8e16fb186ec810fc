import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { repositoryRoot } from './workspace-folders.mjs'

const executable = process.platform === 'win32' ? 'node.exe' : 'node'

/** The Node that this repository installs for its tools, whatever the machine has. */
export const repositoryNode = join(repositoryRoot, 'node_modules', 'node', 'bin', executable)

/**
 * The Node of the machine. `process.execPath` need not be it: npm puts node_modules/.bin, where the repository's own
 * Node is, in front of PATH, and says in `npm_node_execpath` which Node runs npm itself.
 */
export function findMachineNode() {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, executable))
  const candidates = [process.env['npm_node_execpath'] ?? '', ...inPath]
  return candidates.find((path) => !path.includes('node_modules') && existsSync(path)) ?? process.execPath
}
