import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runPnpm } from './pnpm.mjs'
import { publishedPackages, type WorkspacePackage } from './workspace.ts'
import { repositoryRoot } from './workspace-folders.mjs'

/** A package as the registry would get it. */
export interface PackedPackage extends WorkspacePackage {
  /** The path of its tarball. */
  readonly tarball: string
}

const destination = join(repositoryRoot, 'node_modules/.tenantry/tarballs')

/**
 * Packs every published package. With pnpm, because npm would leave `workspace:` and `publishConfig` as they are, and
 * the tarball would not be what is published.
 *
 * @throws When a package cannot be packed.
 */
export async function packPackages(): Promise<PackedPackage[]> {
  rmSync(destination, { recursive: true, force: true })
  mkdirSync(destination, { recursive: true })
  const filters = publishedPackages().flatMap(({ manifest }) => ['--filter', manifest.name])
  const code = await runPnpm(['--recursive', ...filters, 'pack', '--pack-destination', destination])
  if (code !== 0) throw new Error(`pnpm pack ended with exit code ${code}.`)
  return publishedPackages().map((entry) => ({ ...entry, tarball: join(destination, tarballName(entry)) }))
}

function tarballName({ manifest }: WorkspacePackage): string {
  return `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
}
