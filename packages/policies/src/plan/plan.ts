import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { ProblemCode } from '../problem.ts'

/**
 * `offline`: one transaction, for a new database or a maintenance window. `online`: many short steps for a database in
 * use, indexes built CONCURRENTLY, foreign keys and checks validated without blocking writes.
 */
export type PlanShape = 'offline' | 'online'

/**
 * When a step may run beside which code.
 * - `expand`: adds what the application in production does not notice.
 * - `backfill`: fills, validates and indexes what was added; still unnoticed.
 * - `protect`: policies, row level security and grants for the application role. Whoever owns the tables is not held back
 *   yet, so that an application that signs in as their owner goes on working. Then the new application is rolled out,
 *   which signs in as the application role through a TenantPool.
 * - `contract`: FORCE, and the removal of what only the old application needed.
 */
export type Phase = 'expand' | 'backfill' | 'protect' | 'contract'

export const PHASES: readonly Phase[] = ['expand', 'backfill', 'protect', 'contract']

/** The table-level locks of PostgreSQL. https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES */
export type LockMode =
  | 'ACCESS SHARE'
  | 'ROW SHARE'
  | 'ROW EXCLUSIVE'
  | 'SHARE UPDATE EXCLUSIVE'
  | 'SHARE'
  | 'SHARE ROW EXCLUSIVE'
  | 'EXCLUSIVE'
  | 'ACCESS EXCLUSIVE'

/** What running a step means for a database in use. */
export interface Risk {
  /** The strongest lock it takes on a table, and on which tables (`schema.name`); null if it takes none on any. */
  readonly lock: { readonly mode: LockMode; readonly tables: readonly string[] } | null
  /** Whether it writes every row of a table anew. */
  readonly rewrites: boolean
  /** Whether it reads a whole table while it holds the lock, to check the rows or to build an index. */
  readonly scans: boolean
  /** What a person should know besides: for example that code which names the old key in ON CONFLICT stops working. */
  readonly note: string | null
}

/** One step of a plan: what is done together or not at all, and may be done again after a failure. */
export interface Step {
  /** Stable and unique within the plan, such as `public.tasks: add tenant_id`. */
  readonly id: string
  readonly phase: Phase
  /** In one transaction if `transaction`, else each by itself outside of any. Running them again changes nothing more. */
  readonly statements: readonly string[]
  readonly transaction: boolean
  /** Why, as a sentence. */
  readonly reason: string
  readonly risk: Risk
  /** What takes it back, in order; empty where nothing needs to be. May be run again too. */
  readonly undo: readonly string[]
}

/** A question to the rows, to be asked before anything is changed. */
export interface DataCheck {
  readonly code: Extract<
    ProblemCode,
    'TENANT_UNKNOWN' | 'TENANT_MISSING' | 'TENANTS_MIXED' | 'DUPLICATE_ROWS'
  >
  /** `public.tasks`. */
  readonly object: string
  /** One SELECT that returns one row: `count` (bigint), and `examples` (text[], at most five). Zero: nothing is wrong. */
  readonly sql: string
  /** What is wrong if there are such rows, as a sentence without the count. */
  readonly message: string
  readonly fix: string
}

/** Something that a plan leaves to a person. */
export interface Note {
  readonly object: string
  /** `widens` / `narrows`: an existing policy; `exposes`: a hole that the plan cannot or was told not to close; `information`. */
  readonly effect: 'widens' | 'narrows' | 'exposes' | 'information'
  readonly message: string
  /** SQL or a change of the model that would settle it, if there is one. */
  readonly fix: string | null
}

/** What takes a database to its tenancy. Made by {@link planTenancy}. */
export interface Plan {
  readonly shape: PlanShape
  /** In order, phase after phase. Empty if the database is as the model says. */
  readonly steps: readonly Step[]
  readonly checks: readonly DataCheck[]
  readonly notes: readonly Note[]
  /** Roles, tables and rights that applying it needs; compared with the catalogue by {@link checkPlan}. */
  readonly tenancy: ResolvedTenancy
}

/** What the step builders work from. */
export interface PlanContext {
  readonly tenancy: ResolvedTenancy
  readonly shape: PlanShape
}
