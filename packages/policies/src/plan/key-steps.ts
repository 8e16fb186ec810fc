import { displayName, identifier, qualified } from '../identifiers.ts'
import { dataStep, remarks } from './data-step.ts'
import { buildUniqueIndex, createUniqueIndex } from './index-definition.ts'
import { isBuiltAtOnce, type KeyChange, keyChanges } from './key-changes.ts'
import { leafIndexes, rebuildLeaves } from './partitioned-index.ts'
import type { PlanContext, Step } from './plan.ts'
import { addConstraintOnce } from './sql-blocks.ts'
import { tablesBelow } from './tenant-path.ts'

export { replaceKeySteps } from './replace-key-steps.ts'

/** The unique indexes and constraints with the tenant, beside those that they replace later. */
export function keySteps(context: PlanContext): readonly Step[] {
  return keyChanges(context).flatMap((change) => {
    if (change.existing || change.shared) return []
    if (isBuiltAtOnce(change)) return change.form === 'constraint' ? [addConstraintStep(context, change)] : []
    if (change.table.kind !== 'partitioned') return [buildStep(context, change)]
    return [...leafSteps(context, change), ...(change.form === 'index' ? [wholeStep(change)] : [])]
  })
}

function reasonOf({ table, old, dropsOld }: KeyChange): string {
  return dropsOld
    ? `${old.name} compares the rows of all tenants: its errors, and upserts on it, tell one tenant of another's rows.`
    : old.primary || old.constraint || old.unique
      ? `Foreign keys that carry the tenant lead to it; ${old.name} of ${displayName(table)} stays as it is.`
      : ''
}

function buildStep({ shape }: PlanContext, change: KeyChange): Step {
  const { table, name } = change
  const online = shape === 'online'
  const index = qualified({ schema: table.schema, name })
  return dataStep({
    id: `${displayName(table)}: index ${name}`,
    phase: 'backfill',
    statements: buildUniqueIndex(name, table, change.wanted, shape),
    transaction: !online,
    undo: [`DROP INDEX ${online ? 'CONCURRENTLY ' : ''}IF EXISTS ${index}`],
    reason: reasonOf(change),
    lock: online ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE',
    tables: [table],
    scans: true,
    note: remarks(
      online &&
        'Waits for transactions that are older than it. What a failed attempt leaves is dropped when it is run again.',
    ),
  })
}

function leafSteps({ shape }: PlanContext, change: KeyChange): readonly Step[] {
  const online = shape === 'online'
  return leafIndexes(change)
    .filter(({ exists }) => !exists)
    .map(({ leaf, name }) =>
      dataStep({
        id: `${displayName(leaf)}: index ${name}`,
        phase: 'backfill',
        statements: buildUniqueIndex(name, leaf, change.wanted, shape),
        transaction: !online,
        undo: [
          `DROP INDEX ${online ? 'CONCURRENTLY ' : ''}IF EXISTS ${qualified({ schema: leaf.schema, name })}`,
        ],
        reason: `The part of ${change.name} on this partition, which is built by itself so that the others stay free.`,
        lock: online ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE',
        tables: [leaf],
        scans: true,
      }),
    )
}

function wholeStep(change: KeyChange): Step {
  const { table, name, owner } = change
  return dataStep({
    id: `${displayName(table)}: index ${name}`,
    phase: 'backfill',
    statements: [createUniqueIndex(name, table, change.wanted)],
    undo: [`DROP INDEX IF EXISTS ${qualified({ schema: table.schema, name })}`, ...rebuildLeaves(change)],
    reason: reasonOf(change),
    lock: 'SHARE',
    tables: [table, ...owner.partitions],
    note: 'Takes the indexes of the partitions for its parts. Only a partition without one, made in the meantime, is read.',
  })
}

function addConstraintStep(context: PlanContext, change: KeyChange): Step {
  const { table, owner, name, constraint, old } = change
  const kind = old.constraint?.type === 'exclusion' ? 'An exclusion' : 'A deferrable'
  return dataStep({
    id: `${displayName(table)}: constraint ${name}`,
    phase: 'backfill',
    statements: [addConstraintOnce(table, name, `ADD CONSTRAINT ${identifier(name)} ${constraint}`)],
    undo: [`ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${identifier(name)}`],
    reason: reasonOf(change),
    lock: 'ACCESS EXCLUSIVE',
    tables: [table, ...tablesBelow(context, owner)],
    scans: true,
    note: `${kind} constraint cannot be built concurrently: reading and writing wait until its index is built.`,
  })
}
