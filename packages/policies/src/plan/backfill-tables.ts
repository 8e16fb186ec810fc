import type { Table } from '../catalogue/catalogue.ts'
import { foreignKeyChanges } from './foreign-key-changes.ts'
import type { PlanContext } from './plan.ts'
import { childrenToFill } from './tenant-path.ts'

/**
 * Every table whose rows a step of the plan reads or writes with a query, partitions included. Under FORCE such a query
 * of the owner's finds nothing, and says nothing: a backfill fills no row, and even PostgreSQL's own validation of a
 * foreign key then passes whatever the rows are.
 */
export function tablesReadByBackfill(context: PlanContext): readonly Table[] {
  const filled = childrenToFill(context).flatMap(({ table, partitions, path }) => [
    table,
    ...partitions,
    ...(path ? [path.parent.table] : []),
  ])
  const validated = foreignKeyChanges(context)
    .filter(({ existing }) => existing?.validated !== true)
    .flatMap(({ table, owner, parent }) => [table, ...owner.partitions, parent.table, ...parent.partitions])
  return [...new Set([...filled, ...validated])]
}
