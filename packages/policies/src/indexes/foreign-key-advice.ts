import type { Index } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { foreignKeyChanges } from '../plan/foreign-key-changes.ts'
import { createIndex, indexName } from '../plan/index-columns.ts'
import { servedByNewKey } from '../plan/missing-indexes.ts'
import type { PlanContext } from '../plan/plan.ts'
import type { IndexAdvice } from './index-advice.ts'

/** Foreign keys whose rows cannot be found without reading the whole table. */
export function foreignKeyAdvice(
  context: PlanContext,
  model: ResolvedTable,
  made: readonly IndexAdvice[],
): readonly IndexAdvice[] {
  const { table, column } = model
  const advised = new Set<string>()
  return table.foreignKeys.flatMap((foreignKey) => {
    if (foreignKey.inherited) return []
    const change = foreignKeyChanges(context).find(({ old }) => old === foreignKey)
    const all = change?.columns ?? foreignKey.columns
    const columns = [...(all.includes(column) ? [column] : []), ...all.filter((name) => name !== column)]
    const found =
      table.indexes.some((index) => findsRows(index, columns, column)) ||
      servedByNewKey(context, table, columns) ||
      made.some((advice) => columns.every((name, position) => advice.columns[position] === name))
    if (found || advised.has(columns.join())) return []
    advised.add(columns.join())
    const name = indexName(table, columns)
    return [
      {
        table: { schema: table.schema, name: table.name },
        purpose: 'foreign key' as const,
        columns,
        reason:
          `${foreignKey.name} leads to ${displayName(foreignKey.references)}: deleting a row there, or changing its key, reads all of ` +
          `${displayName(table)} to find the rows that lead to it (ON DELETE ${foreignKey.onDelete}).`,
        index: name,
        statement: createIndex(name, table, columns, table.kind !== 'partitioned'),
        redundant: [],
      },
    ]
  })
}

/** Foreign keys are checked as the owner of the table and below no policy, so that any index with their columns does. */
function findsRows(index: Index, columns: readonly string[], tenant: string): boolean {
  if (!index.valid || index.partial || index.method !== 'btree') return false
  const needed = columns.length === 1 ? columns : columns.filter((name) => name !== tenant)
  const lead = index.columns.slice(0, columns.length)
  const usable = lead.findIndex((name) => name === null || !columns.includes(name))
  const found = usable === -1 ? lead : lead.slice(0, usable)
  return needed.every((name) => found.includes(name))
}
