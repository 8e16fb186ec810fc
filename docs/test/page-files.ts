import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blocksOf, fileNameOf, type Block } from './blocks.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder for modules, below docs so that they find the packages; git ignores it. */
export function generatedFolder(purpose: string): string {
  return join(root, 'docs/.tenantry', purpose)
}

/** The pages whose examples are run, relative to the root. */
export const pages: readonly string[] = globSync(['README.md', 'docs/*.md', 'packages/*/README.md'], {
  cwd: root,
}).sort()

/** The blocks of a page of this repository. */
export function readPage(page: string): Block[] {
  return blocksOf(page, readFileSync(join(root, page), 'utf8'))
}

/** The folder for the blocks of a page; `purpose` keeps those that use one at the same time apart. */
export function folderOf(page: string, purpose: string): string {
  return join(generatedFolder(purpose), page.replace(/\.md$/, '').replaceAll('/', '-').toLowerCase())
}

// Vitest asks the nearest tsconfig.json whether a module may have decorators, and that of the root does not include these.
const moduleSettings = JSON.stringify({ extends: join(root, 'tsconfig.base.json') })

/** Writes the blocks of a page as modules that can import each other. */
export function writeModules(blocks: readonly Block[], folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tsconfig.json'), moduleSettings)
  for (const block of blocks.filter(({ language }) => language !== 'sql')) {
    writeFileSync(join(folder, fileNameOf(block)), block.code, { flag: 'wx' })
  }
}
