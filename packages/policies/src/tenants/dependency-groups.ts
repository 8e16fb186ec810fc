import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import type { Reference } from './references.ts'

/** Tables that refer to each other in a circle, or one table by itself. */
export interface DependencyGroup {
  readonly tables: readonly ResolvedTable[]
  /** The foreign keys within the group, those of a table to itself included. */
  readonly references: readonly Reference[]
}

/**
 * The tables in dependency order, parents before children: a table comes after all that it refers to, except where
 * they refer to each other in a circle and so are one group.
 *
 * @param parentOfAll A table that everything counts as a child of, whether or not it refers to it.
 */
export function dependencyGroups(
  tables: readonly ResolvedTable[],
  references: readonly Reference[],
  parentOfAll?: ResolvedTable,
): readonly DependencyGroup[] {
  const known = new Set(tables)
  const parents = new Map<ResolvedTable, Set<ResolvedTable>>(tables.map((table) => [table, new Set()]))
  for (const { source, target } of references) {
    if (source && known.has(target)) parents.get(source)?.add(target)
  }
  if (parentOfAll) for (const table of tables) parents.get(table)?.add(parentOfAll)
  return circles(tables, parents).map((group) => ({
    tables: group,
    references: references.filter(
      ({ source, target }) => source && group.includes(source) && group.includes(target),
    ),
  }))
}

/**
 * Tarjan's algorithm, which finds strongly connected components, each after those that it leads to. With a stack of its
 * own rather than by recursion, because a chain of tables can be long.
 * https://en.wikipedia.org/wiki/Tarjan%27s_strongly_connected_components_algorithm
 */
function circles(
  tables: readonly ResolvedTable[],
  parents: ReadonlyMap<ResolvedTable, ReadonlySet<ResolvedTable>>,
): ResolvedTable[][] {
  const found: ResolvedTable[][] = []
  const numbers = new Map<ResolvedTable, number>()
  const lowest = new Map<ResolvedTable, number>()
  const open: ResolvedTable[] = []
  const visit = (start: ResolvedTable): void => {
    const path = [enter(start)]
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const { table, rest } = step
      const { value: parent, done } = rest.next()
      if (done === true) {
        path.pop()
        const below = path.at(-1)?.table
        if (below) lower(below, lowest.get(table))
        if (lowest.get(table) === numbers.get(table)) found.push(open.splice(open.indexOf(table)))
      } else if (!numbers.has(parent)) path.push(enter(parent))
      else if (open.includes(parent)) lower(table, numbers.get(parent))
    }
  }
  const enter = (
    table: ResolvedTable,
  ): { table: ResolvedTable; rest: Iterator<ResolvedTable, undefined> } => {
    numbers.set(table, numbers.size)
    lowest.set(table, numbers.get(table) ?? 0)
    open.push(table)
    return { table, rest: (parents.get(table) ?? new Set<ResolvedTable>()).values() }
  }
  const lower = (table: ResolvedTable, number = Infinity): void => {
    lowest.set(table, Math.min(lowest.get(table) ?? Infinity, number))
  }
  for (const table of tables) if (!numbers.has(table)) visit(table)
  return found
}
