import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { publishedDependencies, workspacePackages, type WorkspacePackage } from './workspace.ts'
import { repositoryRoot } from './workspace-folders.mjs'

/** Something that one package may not take from another. */
export interface Violation {
  /** The file with the import or the dependency, relative to the root. */
  readonly file: string
  /** What it names. */
  readonly specifier: string
  /** The rule that forbids it, as a sentence. */
  readonly rule: string
}

/** What the sources of a package may take from the others. An adapter, which is any other package: core. */
const mayUse: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [],
  'packages/policies': [],
  'packages/testing': ['@tenantry/core'],
  'packages/kysely': ['@tenantry/core', '@tenantry/policies'],
  'packages/typeorm': ['@tenantry/core', '@tenantry/policies'],
  'packages/cli': ['@tenantry/core', '@tenantry/policies'],
}

/** Which adapter an ORM belongs to. */
const adapterOf: Readonly<Record<string, string>> = {
  kysely: 'packages/kysely',
  'drizzle-orm': 'packages/drizzle',
  typeorm: 'packages/typeorm',
  '@prisma/client': 'packages/prisma',
  '@nestjs/common': 'packages/nestjs',
}

/** The folder of core's sources that knows a driver. */
const driverFolders: Readonly<Record<string, string>> = { pg: 'pg', postgres: 'postgres-js' }

/** Everything in the repository that crosses a boundary between its packages. */
export function findViolations(root = repositoryRoot): Violation[] {
  const packages = workspacePackages(root)
  const published = new Set(
    packages.filter(({ manifest }) => !manifest.private).map(({ manifest }) => manifest.name),
  )
  return packages.flatMap((entry) => [
    ...manifestViolations(entry, published),
    ...sourceFiles(root, entry).flatMap((file) => importViolations(root, entry, file, published)),
  ])
}

function manifestViolations(entry: WorkspacePackage, published: ReadonlySet<string>): Violation[] {
  const file = `${entry.folder}/package.json`
  const violations: Violation[] = []
  if (entry.folder === 'packages/core') {
    for (const specifier of Object.keys(entry.manifest.dependencies ?? {})) {
      violations.push({ file, specifier, rule: 'core has no dependencies' })
    }
  }
  for (const specifier of publishedDependencies(entry)) {
    const rule = directionRule(entry, specifier, published)
    if (rule !== undefined) violations.push({ file, specifier, rule })
  }
  return violations
}

function importViolations(
  root: string,
  entry: WorkspacePackage,
  file: string,
  published: ReadonlySet<string>,
): Violation[] {
  return importsOf(join(root, file)).flatMap((specifier) => {
    const rule = importRule(entry, file, specifier, published)
    return rule === undefined ? [] : [{ file, specifier, rule }]
  })
}

/** The rule that an import breaks, if any. */
function importRule(
  entry: WorkspacePackage,
  file: string,
  specifier: string,
  published: ReadonlySet<string>,
): string | undefined {
  if (isBuiltin(specifier)) return undefined
  if (specifier.startsWith('.')) {
    const target = relative(entry.folder, join(dirname(file), specifier))
    return target.startsWith('..') ? 'a package reaches others by their published names' : undefined
  }
  const name = packageName(specifier)
  if (name === entry.manifest.name) return undefined
  const { dependencies, devDependencies } = entry.manifest
  if (!isShipped(entry, file)) {
    const declared = [
      ...publishedDependencies(entry),
      ...Object.keys({ ...dependencies, ...devDependencies }),
    ]
    // Vitest is the one tool that the root provides to all tests.
    return declared.includes(name) || name === 'vitest'
      ? undefined
      : `it is not in ${entry.folder}/package.json`
  }
  const home = entry.folder === 'packages/core' ? driverFolders[name] : undefined
  if (home !== undefined && !file.startsWith(`packages/core/src/${home}/`)) {
    return `core outside of src/${home} does without ${name}, which is an optional peer`
  }
  return (
    directionRule(entry, name, published) ??
    (publishedDependencies(entry).includes(name)
      ? undefined
      : `users would not have it: it is no dependency or peer in ${entry.folder}/package.json`)
  )
}

/** The rule of direction that taking `name` breaks, if any. */
function directionRule(
  entry: WorkspacePackage,
  name: string,
  published: ReadonlySet<string>,
): string | undefined {
  if (!entry.folder.startsWith('packages/')) {
    const known = !name.startsWith('@tenantry/') || published.has(name)
    return known ? undefined : 'examples, benchmarks and docs take published packages only'
  }
  if (published.has(name)) {
    const allowed = mayUse[entry.folder] ?? ['@tenantry/core']
    if (allowed.includes(name)) return undefined
    return `${entry.manifest.name} may use ${allowed.length > 0 ? `only ${allowed.join(' and ')}` : 'no other package'}`
  }
  const adapter = adapterOf[name]
  return adapter === undefined || adapter === entry.folder ? undefined : `only ${adapter} knows ${name}`
}

/** Whether users get this file: the sources of what is published. */
function isShipped(entry: WorkspacePackage, file: string): boolean {
  return entry.folder.startsWith('packages/') && file.startsWith(`${entry.folder}/src/`)
}

function sourceFiles(root: string, { folder }: WorkspacePackage): string[] {
  const folders = folder.startsWith('packages/') ? `${folder}/{src,test}` : folder
  return globSync(`${folders}/**/*.{ts,mts,cts,js,mjs,cjs}`, {
    cwd: root,
    exclude: ['**/node_modules/**', '**/dist/**'],
  })
}

function importsOf(path: string): string[] {
  return ts
    .preProcessFile(readFileSync(path, 'utf8'), true, true)
    .importedFiles.map(({ fileName }) => fileName)
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
