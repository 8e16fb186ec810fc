import { displayName, identifier, qualified } from '../identifiers.ts'
import { dataStep, remarks } from './data-step.ts'
import { type ForeignKeyChange, foreignKeyChanges } from './foreign-key-changes.ts'
import { keyChanges, lateForeignKeys } from './key-changes.ts'
import type { PlanContext, Step } from './plan.ts'
import { addConstraintOnce } from './sql-blocks.ts'
import { tablesBelow } from './tenant-path.ts'

/** `NOT VALID` foreign keys of partitioned tables came with PostgreSQL 18. */
const PARTITIONED_NOT_VALID = 180_000

/** The foreign keys that carry the tenant, beside those that they replace later. */
export function foreignKeySteps(context: PlanContext): readonly Step[] {
  return earlyChanges(context).flatMap((change) => {
    const { existing, fullMatch, shared } = change
    if (shared && !fullMatch) return []
    const add = existing && fullMatch?.existing?.validated !== false ? undefined : addition(context, change)
    const checked = existing?.validated === true && fullMatch?.existing?.validated !== false
    const validated = checked || (!existing && add?.validates === true)
    return [...(add ? [add.step] : []), ...(validated ? [] : [validateStep(context, change)])]
  })
}

/** Takes the foreign keys away that could lead from one tenant's row to another's. */
export function dropForeignKeySteps(context: PlanContext): readonly Step[] {
  return earlyChanges(context)
    .filter(({ keepsOld }) => !keepsOld)
    .map((change) => {
      const { table, old, parent, name } = change
      return dataStep({
        id: `${displayName(table)}: drop ${old.name}`,
        phase: 'contract',
        statements: [dropConstraint(change, old.name)],
        undo: [
          addConstraintOnce(table, old.name, `ADD CONSTRAINT ${identifier(old.name)} ${old.definition}`),
        ],
        reason: `${name} takes the place of ${old.name}, by which a row could lead to another tenant's, and be deleted with it.`,
        lock: 'ACCESS EXCLUSIVE',
        tables: [table, ...tablesBelow(context, change.owner), parent.table, ...parent.partitions],
      })
    })
}

/** All but those that come with the primary key that they lead to. */
function earlyChanges(context: PlanContext): readonly ForeignKeyChange[] {
  const late = new Set(keyChanges(context).flatMap((change) => lateForeignKeys(context, change)))
  return foreignKeyChanges(context).filter((change) => !late.has(change))
}

interface Addition {
  readonly step: Step
  readonly validates: boolean
}

function addition(context: PlanContext, change: ForeignKeyChange): Addition {
  const { tenancy, shape } = context
  const { owner, table, parent, name, old, definition, fullMatch } = change
  const unable = table.kind === 'partitioned' && tenancy.catalogue.serverVersion < PARTITIONED_NOT_VALID
  const validates = shape === 'offline' || unable
  const suffix = validates ? '' : ' NOT VALID'
  const step = dataStep({
    id: `${displayName(table)}: foreign key ${name}${change.shared ? ` for ${old.name}` : ''}`,
    phase: 'backfill',
    statements: [
      ...(change.existing ? [] : addOnce(change, `${definition}${suffix}`)),
      ...(fullMatch && !fullMatch.existing
        ? [
            addConstraintOnce(
              table,
              fullMatch.name,
              `ADD CONSTRAINT ${identifier(fullMatch.name)} ${fullMatch.definition}${suffix}`,
            ),
          ]
        : []),
    ],
    undo: [
      ...(fullMatch && !fullMatch.existing ? [dropConstraint(change, fullMatch.name)] : []),
      ...(change.existing ? [] : [dropConstraint(change, name)]),
    ],
    reason:
      `Foreign keys look past policies: by ${old.name} a row of one tenant can lead to a row of another in ` +
      `${displayName(parent.table)}, whose owner then deletes it too.`,
    lock: fullMatch ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE',
    tables: [table, ...tablesBelow(context, owner), parent.table, ...parent.partitions],
    scans: validates,
    note: remarks(
      unable &&
        shape === 'online' &&
        'Before PostgreSQL 18 a foreign key of a partitioned table cannot be added NOT VALID: writes of both tables wait until its rows are checked.',
      fullMatch && 'MATCH FULL, which the tenant rules out, becomes a check of its own.',
      change.keepsOld &&
        `${old.name} stays beside it for its action, which would clear the tenant too. The new one is checked at the end of the transaction.`,
    ),
  })
  return { step, validates }
}

/** One of that name that is not as wanted, from an earlier model, makes place. */
function addOnce(change: ForeignKeyChange, definition: string): readonly string[] {
  const { table, name } = change
  const stale = table.foreignKeys.some((other) => other.name === name)
  return [
    ...(stale ? [dropConstraint(change, name)] : []),
    addConstraintOnce(table, name, `ADD CONSTRAINT ${identifier(name)} ${definition}`),
  ]
}

function validateStep(context: PlanContext, change: ForeignKeyChange): Step {
  const { owner, table, parent, name, fullMatch, existing } = change
  // There is no way back to NOT VALID but this.
  const readd = (constraint: string, definition: string): string =>
    `${dropConstraint(change, constraint)}, ADD CONSTRAINT ${identifier(constraint)} ${definition}`
  const validate = (constraint: string): string =>
    `ALTER TABLE ${qualified(table)} VALIDATE CONSTRAINT ${identifier(constraint)}`
  return dataStep({
    id: `${displayName(table)}: validate ${name}${change.shared ? ` for ${change.old.name}` : ''}`,
    phase: 'backfill',
    statements: [validate(name), ...(fullMatch ? [validate(fullMatch.name)] : [])],
    undo: [
      ...(existing ? [readd(name, existing.definition)] : []),
      ...(fullMatch?.existing ? [readd(fullMatch.name, fullMatch.existing.definition)] : []),
    ],
    reason: 'Checks the rows that were there before, while others read and write.',
    lock: 'SHARE UPDATE EXCLUSIVE',
    tables: [table, ...tablesBelow(context, owner)],
    scans: true,
    note: `Takes ROW SHARE on ${displayName(parent.table)}, which holds up nothing but changes of its structure.`,
  })
}

function dropConstraint({ table }: ForeignKeyChange, name: string): string {
  return `ALTER TABLE ${qualified(table)} DROP CONSTRAINT IF EXISTS ${identifier(name)}`
}
