import { displayName, identifier, qualified } from '../identifiers.ts'
import {
  type ForeignKeyChange,
  foreignKeyChanges,
  type KeptForeignKey,
  keptForeignKeys,
} from './foreign-key-changes.ts'
import type { Note, PlanContext } from './plan.ts'

/** What foreign keys that stay, or are replaced by less, mean. */
export function foreignKeyNotes(context: PlanContext): readonly Note[] {
  return [...keptForeignKeys(context).map(noteOnKept), ...foreignKeyChanges(context).flatMap(notesOnChange)]
}

function noteOnKept(kept: KeptForeignKey): Note {
  const { owner, table, foreignKey } = kept
  const object = displayName(table)
  const { name, columns, references } = foreignKey
  const target = displayName(references)
  const list = columns.join(', ')
  switch (kept.reason) {
    case 'root':
      return {
        object,
        effect: 'information',
        message:
          owner.path?.foreignKey === foreignKey
            ? `${owner.column} is a copy of ${list}, and nothing keeps both equal.`
            : `${name} leads to ${target} by ${list}, which may be another tenant than the row's own. That is left as it is: a tenant can then find out which tenants exist.`,
        fix:
          owner.path?.foreignKey === foreignKey && columns.length === 1
            ? `Declare the table as { kind: 'tenant', column: '${list}' }.`
            : null,
      }
    case 'shared rows':
      return {
        object,
        effect: 'exposes',
        message: `${name} leads to ${target}, whose shared rows have no tenant that a foreign key could carry: by ${list} a row can lead to another tenant's, and tell whether it exists.`,
        fix: null,
      }
    case 'clears tenant':
      return {
        object,
        effect: 'information',
        message: `${name} clears ${owner.column} as well when the row of ${target} that it leads to is deleted, which NOT NULL refuses.`,
        fix: 'From PostgreSQL 15: ON DELETE SET NULL (columns without the tenant).',
      }
    case 'partition':
      return open(`${name} leads to ${target}, a partition: by ${list} a row can lead to another tenant's.`)
    case 'other tenant':
      return open(
        `${name} pairs the tenant of ${object} with something else in ${target}, so that no foreign key can pair both tenants beside it: by ${list} a row can lead to another tenant's.`,
      )
    case 'period':
      return open(
        `${name} is about a PERIOD, which the plan does not rebuild: by ${list} a row can lead to another tenant's.`,
      )
    default:
      return kept.reason satisfies never
  }
  function open(message: string): Note {
    return {
      object,
      effect: 'exposes',
      message,
      fix: `ALTER TABLE ${qualified(table)} DROP CONSTRAINT ${identifier(name)}`,
    }
  }
}

function notesOnChange({ owner, table, parent, old, name, keepsOld }: ForeignKeyChange): readonly Note[] {
  const notes: Note[] = []
  const object = displayName(table)
  if (keepsOld) {
    notes.push({
      object,
      effect: 'information',
      message: `${old.name} stays beside ${name} for its action, which in one with the tenant would clear that too. ${name} is checked at the end of each transaction.`,
      fix: 'Use ON UPDATE NO ACTION, and PostgreSQL 15 or later for ON DELETE SET NULL, to have one key do both.',
    })
  }
  if (owner.kind === 'shared+tenant') {
    notes.push({
      object,
      effect: 'information',
      message: `Rows without a tenant are not checked by ${name} any more: shared rows should not lead to a tenant's rows of ${displayName(parent.table)}, which others cannot see.`,
      fix: null,
    })
  }
  return notes
}
