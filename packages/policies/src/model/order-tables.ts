import { byQualifiedName, keyOf, type KnownTables } from './known-tables.ts'
import type { ResolvedTable } from './resolved-tenancy.ts'

/**
 * The root first, then parents before children, by name where foreign keys leave it open. Where they go in circles, the
 * paths to the tenant decide, which never do.
 */
export function parentsFirst(tables: readonly ResolvedTable[], known: KnownTables): readonly ResolvedTable[] {
  const byKey = new Map(tables.map((each) => [keyOf(each.table), each]))
  const parents = new Map(tables.map((each) => [each, parentsOf(each, byKey, known)]))
  let waiting = tables.toSorted((left, right) =>
    left.kind === 'root' ? -1 : right.kind === 'root' ? 1 : byQualifiedName(left.table, right.table),
  )
  const ordered: ResolvedTable[] = []
  const done = new Set<ResolvedTable>()
  while (waiting.length > 0) {
    const next =
      waiting.find((each) => [...(parents.get(each) ?? [])].every((parent) => done.has(parent))) ??
      waiting.find(({ path }) => !path || done.has(path.parent)) ??
      waiting[0]
    if (!next) break
    ordered.push(next)
    done.add(next)
    waiting = waiting.filter((each) => each !== next)
  }
  return ordered
}

function parentsOf(
  each: ResolvedTable,
  byKey: ReadonlyMap<string, ResolvedTable>,
  known: KnownTables,
): ReadonlySet<ResolvedTable> {
  const parents = new Set<ResolvedTable>()
  for (const { references } of each.table.foreignKeys) {
    const target = known.rootOf(references)
    const parent = target && byKey.get(keyOf(target))
    // The root comes first whatever it refers to.
    if (parent && parent !== each && each.kind !== 'root') parents.add(parent)
  }
  return parents
}
