import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of this repository. */
export const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * The folders with a package.json, as pnpm-workspace.yaml lists them, relative to the root and without the root itself.
 *
 * @param {string} [root]
 * @returns {string[]}
 */
export function workspaceFolders(root = repositoryRoot) {
  const groups = ['packages', 'packages/nestjs/releases', 'examples'].flatMap((group) =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map((name) => `${group}/${name}`) : [],
  )
  return [...groups.sort(), 'benchmarks', 'docs'].filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  )
}
