import type { Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, literal, qualified } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { dataStep, remarks } from './data-step.ts'
import { pageRangeBackfill } from './page-range-backfill.ts'
import type { PlanContext, Step } from './plan.ts'
import { doBlock } from './sql-blocks.ts'
import { childrenToFill, columnJoin, leavesOf, tenantPath, type TenantPath } from './tenant-path.ts'

/** The tenant of the rows that children have, from their parents, parents first. */
export function backfillSteps(context: PlanContext): readonly Step[] {
  return childrenToFill(context).flatMap((each) => backfillStep(context, each))
}

function backfillStep({ shape }: PlanContext, each: ResolvedTable): readonly Step[] {
  const { table, column, partitions } = each
  const path = tenantPath(each)
  if (!path) return []
  const online = shape === 'online'
  const inBatches = leavesOf(table, partitions)
    .filter(({ kind }) => kind === 'table')
    .map((leaf) => pageRangeBackfill(leaf, updateOf(each, path, leaf), 'child'))
  return [
    dataStep({
      id: `${displayName(table)}: backfill ${column}`,
      phase: 'backfill',
      statements: [
        ...(online ? inBatches : deferredConstraints(table)),
        updateOf(each, path, table).join('\n'),
        refuseMissing(each),
      ],
      transaction: !online,
      undo: [],
      reason: `The rows of ${displayName(table)} get the tenant of the ${displayName(path.parent.table)} that they belong to.`,
      lock: 'ROW EXCLUSIVE',
      tables: [table, ...partitions],
      rewrites: true,
      scans: true,
      note: remarks(
        online
          ? 'Commits as it goes and can be run again. Each transaction locks the rows that it changes.'
          : 'Every row is written anew, in one transaction.',
        triggersNote(table),
      ),
    }),
  ]
}

function triggersNote(table: Table): string | false {
  const names = table.triggers
    .filter(({ enabled, definition }) => enabled && / UPDATE /.test(definition.split(' ON ')[0] + ' '))
    .map(({ name }) => name)
  return names.length > 0 && `Triggers of the table fire for every row: ${names.join(', ')}.`
}

/** The lines of the UPDATE; names in it may have line breaks of their own, so that it cannot be cut into lines later. */
function updateOf({ column }: ResolvedTable, path: TenantPath, target: Table): readonly string[] {
  // ONLY: tables that inherit from this one have a step of their own.
  const only = target.kind === 'table' ? 'ONLY ' : ''
  return [
    `UPDATE ${only}${qualified(target)} AS child SET ${identifier(column)} = parent.${identifier(path.parent.column)}`,
    `FROM ${qualified(path.parent.table)} AS parent`,
    `WHERE child.${identifier(column)} IS NULL AND ${columnJoin(path, 'child', 'parent')}`,
  ]
}

/**
 * An event of a deferred trigger that waits for the end of the transaction would make PostgreSQL refuse every ALTER TABLE of
 * the table until then.
 */
function deferredConstraints(table: Table): readonly string[] {
  const deferred =
    table.foreignKeys.some(({ initiallyDeferred }) => initiallyDeferred) ||
    table.indexes.some(({ constraint }) => constraint?.initiallyDeferred === true) ||
    table.triggers.some(({ definition }) => definition.includes(' INITIALLY DEFERRED '))
  return deferred ? ['SET CONSTRAINTS ALL IMMEDIATE'] : []
}

/**
 * Fails if a row has no tenant now, or if policies hide rows from who runs it, so that nothing could be said. Once the column
 * is NOT NULL there is nothing to ask, and the plan may have forced the policies since.
 */
function refuseMissing({ table, column }: ResolvedTable): string {
  const name = literal(qualified(table))
  return doBlock(
    [
      `IF (SELECT attnotnull FROM pg_attribute WHERE attrelid = ${name}::regclass AND attname = ${literal(column)}) THEN
    RETURN;
  END IF`,
      "PERFORM set_config('row_security', 'off', true)",
      `SELECT count(*) INTO missing FROM ${qualified(table)} WHERE ${identifier(column)} IS NULL`,
      `IF missing > 0 THEN
    RAISE EXCEPTION '% rows of % lead to no tenant', missing, ${literal(displayName(table))}
      USING ERRCODE = 'not_null_violation';
  END IF`,
      "PERFORM set_config('row_security', before, true)",
    ],
    ['missing bigint', "before text := current_setting('row_security')"],
  )
}
