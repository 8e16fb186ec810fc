import type { QualifiedName } from '../identifiers.ts'

/** One finding about the indexes of a table of tenants. */
export interface IndexAdvice {
  readonly table: QualifiedName
  /**
   * - `tenant`: every statement looks for the rows of one tenant.
   * - `query`: columns that the model's `queries` compare together.
   * - `foreign key`: rows that are looked up when a row they lead to is deleted or changes its key.
   * - `unusable`: an index that is there, and that policies keep the application's queries from using.
   */
  readonly purpose: 'tenant' | 'query' | 'foreign key' | 'unusable'
  /** The columns that are compared, the tenant's first; of an `unusable` index those that keep it from being used. */
  readonly columns: readonly string[]
  /** As sentences. */
  readonly reason: string
  /** The index that serves the purpose, whether it is there or the plan makes it, or that is unusable; null: none does. */
  readonly index: string | null
  /** What makes it, if it is not there. */
  readonly statement: string | null
  /** Indexes that it makes superfluous for the application. They are only named: other queries may need them. */
  readonly redundant: readonly string[]
}
