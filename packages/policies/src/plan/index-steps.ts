import { displayName, qualified, type QualifiedName } from '../identifiers.ts'
import { accessStep } from './access-step.ts'
import { createIndex } from './index-columns.ts'
import { dropIfInvalid } from './index-definition.ts'
import { missingIndexes, type MissingIndex } from './missing-indexes.ts'
import type { PlanContext, PlanShape, Step } from './plan.ts'

/** An index led by the tenant on every table of tenants that has none, and one for each shape of its declared queries. */
export function indexSteps(context: PlanContext): readonly Step[] {
  return missingIndexes(context).map((missing) => buildStep(missing, context.shape))
}

function buildStep(missing: MissingIndex, shape: PlanShape): Step {
  const { model, columns, parts } = missing
  const online = shape === 'online'
  const list = columns.join(', ')
  const step = accessStep({
    id: `${displayName(model.table)}: index (${list})`,
    phase: 'backfill',
    statements: parts.flatMap(({ table, name, parent }) =>
      parent ? [createIndex(name, table, columns, false)] : buildLeaf(name, table, columns, online),
    ),
    // Those of partitions belong to the parent's, and go with it; those that were there before come back.
    undo: parts
      .toReversed()
      .map(({ table, name, parent, alone }) =>
        alone
          ? createIndex(name, table, columns, online)
          : dropIndex({ schema: table.schema, name }, online && !parent),
      ),
    reason: missing.declared
      ? `Queries of ${displayName(model.table)} compare ${list} together, as the model says.`
      : `Every statement on ${displayName(model.table)} looks for the rows of one tenant, and would read those of all to find them.`,
    lock: {
      mode: online && parts.every(({ parent }) => !parent) ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE',
      tables: parts.map(({ table }) => displayName(table)),
    },
    ...(online && parts.length > 1
      ? {
          note: 'SHARE on the partitioned table and its partitions only for a moment, to join indexes that are built.',
        }
      : {}),
  })
  return { ...step, transaction: !online, risk: { ...step.risk, scans: true } }
}

/** What a build left behind that was cut off goes first: IF NOT EXISTS would take it for the finished index. */
function buildLeaf(
  name: string,
  table: QualifiedName,
  columns: readonly string[],
  online: boolean,
): readonly string[] {
  return [dropIfInvalid({ schema: table.schema, name }), createIndex(name, table, columns, online)]
}

function dropIndex(name: QualifiedName, concurrently: boolean): string {
  return `DROP INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF EXISTS ${qualified(name)}`
}
