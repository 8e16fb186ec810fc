import type { DatabaseCopy } from '../support/database-copy.ts'

/** One way in which tenant A gets at what is B's, or does B harm. */
export interface Attack {
  /** What it does, for the test's title: "reads a partition directly". */
  readonly name: string
  /** Carries it out as the application role, and returns what came of it. What was changed, the superuser sees. */
  readonly run: (database: DatabaseCopy) => Promise<unknown>
  /** What comes of it with policies and grants as people write them: the attack succeeds. */
  readonly naive: unknown
  /** What comes of it once the plan is applied. */
  readonly planned: unknown
  /** Why it does not succeed on this server even in the naive way, or undefined if it does. */
  readonly closedByServer?: (serverVersion: number) => string | undefined
}
