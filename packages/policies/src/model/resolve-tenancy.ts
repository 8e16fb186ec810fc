import type { Catalogue } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { childPaths, type Step } from './child-paths.ts'
import { doesNotFit } from './does-not-fit.ts'
import { keyOf, type KnownTables, knownTables, missingSchemas } from './known-tables.ts'
import { missingKinds } from './missing-kinds.ts'
import { parentsFirst } from './order-tables.ts'
import type { ResolvedTable, ResolvedTenancy, SharedTable } from './resolved-tenancy.ts'
import { roleProblems } from './role-problems.ts'
import { isScoped, type KnownKind, namedTables, tableKinds } from './table-kinds.ts'
import { tableProblems } from './table-problems.ts'
import type { Tenancy } from './tenancy.ts'
import { tenantRoot } from './tenant-root.ts'

const OLDEST_SERVER = 140_000

/**
 * Fits a tenancy to a database: decides what every table is, by which column and by which way it says whose its rows
 * are. Reads and changes nothing.
 *
 * @param tenancy Made by `defineTenancy()`.
 * @param catalogue The database, from `readCatalogue()`.
 * @throws {TenantryError} `TENANCY_DOES_NOT_FIT`, with everything that does not fit as `problems`.
 *
 * @example
 * ```ts no-run
 * const { tenantTables } = resolveTenancy(tenancy, await readCatalogue(query, tenancy))
 * for (const { table, kind, column } of tenantTables) console.log(table.name, kind, column)
 * ```
 */
export function resolveTenancy(tenancy: Tenancy, catalogue: Catalogue): ResolvedTenancy {
  const problems: Problem[] = []
  const known = knownTables(catalogue, tenancy.schemas)
  problems.push(...serverProblems(catalogue), ...schemaProblems(tenancy, catalogue, known))
  const root = tenantRoot(tenancy, known, problems)
  const named = namedTables(tenancy.tables, tenancy.tenantTable, known, root?.table, problems)
  const kinds = tableKinds(tenancy, known, root, named)
  // Without the tenant table nothing can lead there.
  if (root) problems.push(...missingKinds(tenancy, known, kinds))
  for (const each of kinds.values()) problems.push(...tableProblems(each, root?.tenantType, known, kinds))
  const paths: ReadonlyMap<string, Step> = root ? childPaths(known, kinds, problems) : new Map<string, Step>()
  const scoped = resolvedTables(tenancy, known, kinds, paths)
  const sharedTables = sharedTablesOf(known, kinds)
  problems.push(...roleProblems(tenancy, catalogue, [...scoped, ...sharedTables]))
  const resolvedRoot = scoped.find(({ kind }) => kind === 'root')
  const tenantType = root?.tenantType
  if (problems.length > 0 || !resolvedRoot || tenantType === undefined) throw doesNotFit(catalogue, problems)
  return {
    tenancy,
    catalogue,
    root: resolvedRoot,
    tenantType,
    tenantTables: parentsFirst(scoped, known),
    sharedTables,
  }
}

function serverProblems({ serverVersion }: Catalogue): readonly Problem[] {
  if (serverVersion >= OLDEST_SERVER) return []
  const version = `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`
  return [
    {
      code: 'SERVER_TOO_OLD',
      object: `PostgreSQL ${version}`,
      message: `The server is PostgreSQL ${version}, and Tenantry needs 14 or later.`,
      fix: 'Upgrade the server.',
    },
  ]
}

function schemaProblems(tenancy: Tenancy, catalogue: Catalogue, known: KnownTables): readonly Problem[] {
  const strays: Problem[] = known.strayPartitions.map((table) => {
    const whole = table.partitionOf ? displayName(table.partitionOf) : ''
    return {
      code: 'UNSUPPORTED_TABLE',
      object: displayName(table),
      message: `${displayName(table)} is a partition of ${whole}, whose schema takes no part in the tenancy.`,
      fix: `Add schema "${table.partitionOf?.schema ?? ''}" to schemas, or detach the partition.`,
    }
  })
  return [...missingSchemas(tenancy.schemas, catalogue), ...strays]
}

function resolvedTables(
  tenancy: Tenancy,
  known: KnownTables,
  kinds: ReadonlyMap<string, KnownKind>,
  paths: ReadonlyMap<string, Step>,
): readonly ResolvedTable[] {
  const resolved = new Map<string, ResolvedTable>()
  const resolve = (each: KnownKind): ResolvedTable => {
    const key = keyOf(each.table)
    const before = resolved.get(key)
    if (before) return before
    const step = paths.get(key)
    const path = step && { foreignKey: step.foreignKey, parent: resolve(step.parent) }
    const table = resolvedTable(each, path, tenancy, known)
    resolved.set(key, table)
    return table
  }
  return [...kinds.values()].filter(({ kind }) => isScoped(kind)).map(resolve)
}

function resolvedTable(
  { table, kind, column, options }: KnownKind,
  path: ResolvedTable['path'],
  tenancy: Tenancy,
  known: KnownTables,
): ResolvedTable {
  const own = options && 'globalKeys' in options ? (options.globalKeys ?? []) : []
  const primary = table.indexes.find((index) => index.primary)
  // A primary key that spans all tenants is one that stays, and one with a tenant has no place for rows without.
  const kept = kind === 'root' || kind === 'shared+tenant' || (primary && own.includes(primary.name))
  const wanted = (options && 'primaryKey' in options ? options.primaryKey : undefined) ?? tenancy.primaryKeys
  return {
    table,
    kind: kind as ResolvedTable['kind'],
    column,
    path,
    partitions: known.partitionsOf(table),
    primaryKey: kept ? 'keep' : wanted,
    globalKeys: own,
    queries: options && 'queries' in options ? (options.queries ?? []) : [],
  }
}

function sharedTablesOf(known: KnownTables, kinds: ReadonlyMap<string, KnownKind>): readonly SharedTable[] {
  return [...kinds.values()]
    .filter(({ kind }) => kind === 'shared')
    .map(({ table, options }) => ({
      table,
      writable: options?.kind === 'shared' && options.writable === true,
      partitions: known.partitionsOf(table),
    }))
}
