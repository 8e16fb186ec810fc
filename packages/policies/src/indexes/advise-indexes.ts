import type { Catalogue } from '../catalogue/catalogue.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { resolveTenancy } from '../model/resolve-tenancy.ts'
import type { Tenancy } from '../model/tenancy.ts'
import { createIndex, indexName, servesColumns } from '../plan/index-columns.ts'
import { keyChanges } from '../plan/key-changes.ts'
import { servedByNewKey, wantedIndexes } from '../plan/missing-indexes.ts'
import type { PlanContext } from '../plan/plan.ts'
import { foreignKeyAdvice } from './foreign-key-advice.ts'
import type { IndexAdvice } from './index-advice.ts'
import { redundantIndexes } from './redundant-indexes.ts'
import { comparedSlowly, unusableAdvice } from './unusable-advice.ts'

/**
 * Which indexes the tables of tenants need: one led by the tenant for each shape of queries that the model declares, those
 * behind foreign keys, and which of those that are there cannot be used below a policy. Reads and changes nothing; the first
 * two kinds are also part of a plan.
 *
 * @param tenancy Made by `defineTenancy()`; `queries` of a table are the columns that its queries compare together.
 * @param catalogue The database, from `readCatalogue()`.
 * @returns Advice in the order of the tables, that which is followed already included.
 * @throws {TenantryError} `TENANCY_DOES_NOT_FIT` with all `problems` if the model does not fit the database.
 *
 * @example
 * ```ts no-run
 * const tenancy = defineTenancy({
 *   tenantTable: 'tenants',
 *   tables: { tasks: { kind: 'tenant', queries: [['project_id', 'status']] } },
 * })
 * for (const { reason, statement } of adviseIndexes(tenancy, await readCatalogue(query, tenancy))) {
 *   console.log(reason, statement ?? 'is there')
 * }
 * ```
 */
export function adviseIndexes(tenancy: Tenancy, catalogue: Catalogue): readonly IndexAdvice[] {
  const context: PlanContext = { tenancy: resolveTenancy(tenancy, catalogue), shape: 'online' }
  return context.tenancy.tenantTables.flatMap((model) => {
    const wanted = wantedIndexes(model).map(({ columns, declared }) =>
      searchAdvice(context, model, columns, declared),
    )
    return [...wanted, ...foreignKeyAdvice(context, model, wanted), ...unusableAdvice(model)]
  })
}

function searchAdvice(
  context: PlanContext,
  model: ResolvedTable,
  columns: readonly string[],
  declared: boolean,
): IndexAdvice {
  const { table } = model
  const existing = table.indexes.find((index) => servesColumns(index, columns))
  const planned = keyChanges(context).find(
    (change) => change.table === table && servesByChange(change, columns),
  )
  const missing = !existing && !servedByNewKey(context, table, columns)
  const slow = comparedSlowly(table, columns)
  const why = declared
    ? `Queries compare ${columns.join(', ')} together: an index of all of them reads only the rows that are asked for.`
    : `Every statement looks for the rows of one tenant by ${columns.join(', ')}, and reads those of all without an index.`
  return {
    table: { schema: table.schema, name: table.name },
    purpose: declared ? 'query' : 'tenant',
    columns,
    reason: slow === undefined ? why : `${why} ${slow}`,
    index: existing?.name ?? (missing ? indexName(table, columns) : (planned?.name ?? null)),
    statement: missing
      ? createIndex(indexName(table, columns), table, columns, table.kind !== 'partitioned')
      : null,
    redundant: redundantIndexes(model, columns, existing?.name),
  }
}

function servesByChange(
  { wanted }: ReturnType<typeof keyChanges>[number],
  columns: readonly string[],
): boolean {
  return servesColumns({ ...wanted, partial: wanted.predicate !== null, valid: true }, columns)
}
