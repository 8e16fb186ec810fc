import type { Scope } from '../scope.ts'
import type { Prelude } from './prelude.ts'

/** The right to use a client, in one scope, from checkout to release. */
export interface Lease {
  readonly scope: Scope
  readonly prelude: Prelude
}
