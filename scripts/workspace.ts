import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, workspaceFolders } from './workspace-folders.mjs'

/** What the scripts read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, ExportsEntry>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, ExportsEntry>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A path, or conditions and what they lead to. */
export type ExportsEntry = string | { readonly [condition: string]: ExportsEntry }

/** One package of this repository. */
export interface WorkspacePackage {
  /** Relative to the root, such as `packages/core`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Every package of the repository. */
export function workspacePackages(root = repositoryRoot): WorkspacePackage[] {
  return workspaceFolders(root).map((folder) => ({
    folder,
    manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest,
  }))
}

/** The packages that are published, each after those of them that it needs. */
export function publishedPackages(root = repositoryRoot): WorkspacePackage[] {
  const waiting = workspacePackages(root).filter(({ manifest }) => manifest.private !== true)
  const ordered: WorkspacePackage[] = []
  while (waiting.length > 0) {
    const ready = waiting.findIndex((candidate) => !waiting.some((other) => needs(candidate, other)))
    if (ready === -1) {
      const names = waiting.map(({ manifest }) => manifest.name).join(', ')
      throw new Error(`These packages depend on one another in a circle: ${names}`)
    }
    ordered.push(...waiting.splice(ready, 1))
  }
  return ordered
}

/** What users of a package get along with it: not what only its tests use. */
export function publishedDependencies({ manifest }: WorkspacePackage): string[] {
  return Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  })
}

function needs(one: WorkspacePackage, other: WorkspacePackage): boolean {
  return publishedDependencies(one).includes(other.manifest.name)
}
