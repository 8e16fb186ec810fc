import type { TenantryError } from '../errors.ts'
import { refuseCopyIn } from '../pg/refusals.ts'
import { isTransactionControl } from '../pg/statement-kind.ts'
import type { StatementKind } from '../pg/statement-kind.ts'
import type { Scope } from '../scope.ts'
import { refuseControlInText, refuseControlOutsideOfTransaction } from './refusals.ts'

/** Why a statement of this kind may not run at all in a scope, or `undefined`. */
export function refusalOfKind(kind: StatementKind, scope: Scope, held: boolean): TenantryError | undefined {
  if (!held && isTransactionControl(kind)) return refuseControlOutsideOfTransaction()
  if (kind === 'mixed' && (!held || scope.kind !== 'system')) return refuseControlInText()
  if (kind === 'copy-in' && scope.kind === 'tenant') return refuseCopyIn()
  return undefined
}
