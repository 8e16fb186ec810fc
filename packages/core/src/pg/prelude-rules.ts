import type { StatementKind } from './statement-kind.ts'

/** Whether a prelude must go ahead of a statement, in a session whose open transaction has not been given one. */
export function needsPrelude(kind: StatementKind, status: string): boolean {
  switch (kind) {
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'release':
    case 'control':
    case 'set':
    case 'untransacted':
      return false
    case 'savepoint':
      return status === 'T'
    default:
      return true
  }
}

const TAGS_LOSING_SETTINGS = new Set([
  'BEGIN',
  'START TRANSACTION',
  'COMMIT',
  'ROLLBACK',
  'PREPARE TRANSACTION',
  'SET',
  'RESET',
  'DISCARD ALL',
])

/** Whether, after a command with this tag, a transaction may have lost the settings, or be another one. */
export function losesSettings(tag: string): boolean {
  return TAGS_LOSING_SETTINGS.has(tag)
}

/** Whether the names of all prepared statements are gone after a command with this tag. */
export function losesNames(tag: string): boolean {
  return tag === 'DEALLOCATE ALL' || tag === 'DISCARD ALL'
}
