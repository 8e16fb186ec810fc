import type { BrokenSubject } from './broken-subject.ts'
import { failOpen } from './fail-open.ts'
import { heldConnections } from './held-connections.ts'
import { preludes } from './preludes.ts'
import { scopeCapture } from './scope-capture.ts'
import { results, transactions } from './transactions-and-results.ts'

export { brokenHarness, GROUPS } from './broken-subject.ts'
export type { BrokenSubject, GroupName } from './broken-subject.ts'

/** Every broken subject. */
export const brokenSubjects: readonly BrokenSubject[] = [
  ...scopeCapture,
  ...preludes,
  ...failOpen,
  ...heldConnections,
  ...transactions,
  ...results,
]
