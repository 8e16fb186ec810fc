import type { TenantryError } from '../errors.ts'
import { refuseCopyIn } from '../pg/refusals.ts'
import { isTransactionControl } from '../pg/statement-kind.ts'
import type { StatementKind } from '../pg/statement-kind.ts'
import type { Scope } from '../scope.ts'
import type { TransactionStatus } from './messages.ts'
import { refuseControlInText, refuseControlOutsideOfTransaction } from './refusals.ts'

// Command tags after which a transaction may have lost the settings, or be another one.
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

/** Whether the settings of a transaction may be gone after a command with this tag. */
export function losesSettings(tag: string): boolean {
  return TAGS_LOSING_SETTINGS.has(tag)
}

/** Whether the names of prepared statements are gone after a command with this tag. */
export function losesNames(tag: string): boolean {
  return tag === 'DEALLOCATE ALL' || tag === 'DISCARD ALL'
}

/** Whether a prelude must go ahead of a statement, in a session that has not been given one. */
export function needsPrelude(kind: StatementKind, status: TransactionStatus): boolean {
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

/** Why a statement of this kind may not run at all in a scope, or `undefined`. */
export function refusalOfKind(kind: StatementKind, scope: Scope, held: boolean): TenantryError | undefined {
  if (!held && isTransactionControl(kind)) return refuseControlOutsideOfTransaction()
  if (kind === 'mixed' && (!held || scope.kind !== 'system')) return refuseControlInText()
  if (kind === 'copy-in' && scope.kind === 'tenant') return refuseCopyIn()
  return undefined
}
