import type { ForeignKey, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified, sameName } from '../identifiers.ts'
import { dataStep, remarks } from './data-step.ts'
import { foreignKeyChanges, type ForeignKeyChange } from './foreign-key-changes.ts'
import { buildUniqueIndex, createUniqueIndex, isTarget } from './index-definition.ts'
import { isBuiltAtOnce, type KeyChange, keyChanges, lateForeignKeys } from './key-changes.ts'
import { isMissing, leafIndexes, rebuildLeaves, rebuildPartitioned } from './partitioned-index.ts'
import type { PlanContext, Step } from './plan.ts'
import { addConstraintOnce, constraintExists, doIf } from './sql-blocks.ts'
import { tablesBelow } from './tenant-path.ts'

/** Takes the keys that span all tenants away; a primary key makes place for the one with the tenant. */
export function replaceKeySteps(context: PlanContext): readonly Step[] {
  return keyChanges(context)
    .filter(({ dropsOld }) => dropsOld)
    .map((change) => (change.form === 'primary key' ? swapStep(context, change) : dropStep(context, change)))
}

const CONFLICT_NOTE =
  'Statements that name the old key in ON CONFLICT stop working; they have to name the tenant column too.'

function swapStep(context: PlanContext, change: KeyChange): Step {
  const { table, owner, old, name } = change
  const late = lateForeignKeys(context, change)
  const scans = late.length > 0 || isBuiltAtOnce(change)
  return dataStep({
    id: `${displayName(table)}: primary key`,
    phase: 'contract',
    statements: [
      ...late.map(dropOldForeignKey),
      doIf(`NOT ${constraintExists(table, name)}`, swap(change)),
      ...replicaIdentity(change, name),
      ...addLateForeignKeys(late),
    ],
    undo: undoSwap(context, change, late),
    reason: `${old.name} spans all tenants: whoever guesses an id learns from the error whether it exists, and an upsert can read the row.`,
    lock: 'ACCESS EXCLUSIVE',
    tables: [
      table,
      ...tablesBelow(context, owner),
      ...late.flatMap((each) => [each.table, ...each.owner.partitions]),
    ],
    scans,
    note: remarks(
      CONFLICT_NOTE,
      late.length > 0 &&
        `The primary key of a partitioned table cannot be made from an index, so that ${late.map((each) => each.old.name).join(', ')} can be replaced only in this transaction, which checks the rows.`,
      isBuiltAtOnce(change) &&
        'A deferrable key cannot be built beforehand: reading and writing wait until its index is built.',
    ),
  })
}

/** With FORCE lifted: PostgreSQL checks the rows with a query, which finds none of them under FORCE, and so nothing wrong. */
function addLateForeignKeys(late: readonly ForeignKeyChange[]): readonly string[] {
  const read = late.flatMap(({ table, owner, parent }) => [
    table,
    ...owner.partitions,
    parent.table,
    ...parent.partitions,
  ])
  const tables = [...new Set(read)].filter(({ kind }) => kind !== 'foreign').map((table) => qualified(table))
  return [
    ...tables.map((table) => `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`),
    ...late.map(({ table, name, definition }) =>
      addConstraintOnce(table, name, `ADD CONSTRAINT ${identifier(name)} ${definition}`),
    ),
    ...tables.map((table) => `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`),
  ]
}

function swap(change: KeyChange): readonly string[] {
  const { table, old, name, constraint } = change
  const drop = `DROP CONSTRAINT ${identifier(old.constraint?.name ?? old.name)}`
  const add = `ADD CONSTRAINT ${identifier(name)}`
  if (isBuiltAtOnce(change)) return [`ALTER TABLE ${qualified(table)} ${drop}, ${add} ${constraint}`]
  const fromIndex = (index: string): string =>
    `ADD CONSTRAINT ${identifier(index)} PRIMARY KEY USING INDEX ${identifier(index)}`
  if (table.kind !== 'partitioned') return [`ALTER TABLE ${qualified(table)} ${drop}, ${fromIndex(name)}`]
  return [
    `ALTER TABLE ${qualified(table)} ${drop}`,
    ...leafIndexes(change).map((each) => `ALTER TABLE ${qualified(each.leaf)} ${fromIndex(each.name)}`),
    // Takes the keys of the partitions for its parts.
    `ALTER TABLE ${qualified(table)} ${add} ${constraint}`,
  ]
}

/**
 * The primary key with the tenant cannot go back to being an index, and foreign keys may lead to it. Those that were there
 * before the plan come back; those of the plan are taken back next anyway.
 */
function undoSwap(
  { tenancy }: PlanContext,
  change: KeyChange,
  late: readonly ForeignKeyChange[],
): readonly string[] {
  const { table, owner, old, name, existing } = change
  const depending = dependingForeignKeys(tenancy, change)
  const before = depending.filter(({ foreignKey }) => foreignKey)
  return [
    ...depending.map(
      (each) => `ALTER TABLE ${qualified(each.table)} DROP CONSTRAINT IF EXISTS ${identifier(each.name)}`,
    ),
    `ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${identifier(name)}`,
    doIf(isMissing(table, old), rebuildPartitioned(table, owner.partitions, old)),
    ...replicaIdentity(change, old.name),
    ...(existing ? [createUniqueIndex(name, table, change.wanted)] : []),
    ...(table.kind === 'partitioned' ? rebuildLeaves(change) : []),
    ...before.map((each) =>
      addConstraintOnce(
        each.table,
        each.name,
        `ADD CONSTRAINT ${identifier(each.name)} ${each.foreignKey?.definition}`,
      ),
    ),
    ...late.map(({ table: child, old: replaced }) =>
      addConstraintOnce(
        child,
        replaced.name,
        `ADD CONSTRAINT ${identifier(replaced.name)} ${replaced.definition}`,
      ),
    ),
  ]
}

interface Depending {
  readonly table: Table
  readonly name: string
  /** As it was before the plan; undefined if the plan makes it. */
  readonly foreignKey: ForeignKey | undefined
}

function dependingForeignKeys(
  tenancy: PlanContext['tenancy'],
  { table, wanted }: KeyChange,
): readonly Depending[] {
  const leadsHere = ({ referencedColumns }: Pick<ForeignKey, 'referencedColumns'>): boolean =>
    isTarget(wanted, referencedColumns)
  const before = tenancy.catalogue.tables.flatMap((child) =>
    child.foreignKeys
      .filter((each) => !each.inherited && sameName(each.references, table) && leadsHere(each))
      .map((foreignKey) => ({ table: child, name: foreignKey.name, foreignKey })),
  )
  const planned = foreignKeyChanges({ tenancy })
    .filter((each) => each.parent.table === table && !each.existing && leadsHere(each))
    .map((each) => ({ table: each.table, name: each.name, foreignKey: undefined }))
  return [...planned, ...before]
}

function dropOldForeignKey({ table, old }: ForeignKeyChange): string {
  return `ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${identifier(old.name)}`
}

function dropStep(context: PlanContext, change: KeyChange): Step {
  const { shape } = context
  const { table, owner, old, name } = change
  const concurrently = shape === 'online' && !old.constraint && table.kind !== 'partitioned'
  const index = qualified({ schema: table.schema, name: old.name })
  return dataStep({
    id: `${displayName(table)}: drop ${old.name}`,
    phase: 'contract',
    statements: [
      ...replicaIdentity(change, change.existing?.name ?? name),
      old.constraint
        ? `ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${identifier(old.constraint.name)}`
        : `DROP INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF EXISTS ${index}`,
    ],
    transaction: !concurrently,
    undo: [
      ...(concurrently
        ? buildUniqueIndex(old.name, table, old, 'online')
        : [doIf(isMissing(table, old), rebuildPartitioned(table, owner.partitions, old))]),
      ...replicaIdentity(change, old.name),
    ],
    reason: `${change.existing?.name ?? name} takes the place of ${old.name}, which compares the rows of all tenants.`,
    lock: concurrently ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE',
    tables: [table, ...tablesBelow(context, owner)],
    note: old.constraint?.type === 'exclusion' ? undefined : CONFLICT_NOTE,
  })
}

/** Logical replication goes on telling rows apart by an index that is there; with none it refuses updates. */
function replicaIdentity({ table, old }: KeyChange, name: string): readonly string[] {
  return old.replicaIdentity
    ? [`ALTER TABLE ${qualified(table)} REPLICA IDENTITY USING INDEX ${identifier(name)}`]
    : []
}
