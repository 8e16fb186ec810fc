/** The stable name of one kind of {@link Problem}. */
export type ProblemCode =
  // The model names what is not there, or not clearly there
  | 'UNKNOWN_SCHEMA'
  | 'UNKNOWN_TABLE'
  | 'UNKNOWN_COLUMN'
  | 'UNKNOWN_KEY'
  | 'UNKNOWN_ROLE'
  | 'AMBIGUOUS_NAME'
  | 'NAME_TOO_LONG'
  | 'NAME_TAKEN'
  // A table does not fit its kind
  | 'KIND_MISSING'
  | 'NO_TENANT_KEY'
  | 'NO_PATH'
  | 'AMBIGUOUS_PATH'
  | 'PATH_CYCLE'
  | 'WRONG_TYPE'
  | 'UNSUPPORTED_TABLE'
  | 'UNSUPPORTED_KEY'
  // The server or the roles do not allow it
  | 'SERVER_TOO_OLD'
  | 'UNSAFE_ROLE'
  | 'MISSING_PRIVILEGE'
  // The database is no longer what the plan was made from
  | 'PLAN_OUTDATED'
  // Rows stand in the way
  | 'TENANT_UNKNOWN'
  | 'TENANT_MISSING'
  | 'TENANTS_MIXED'
  | 'DUPLICATE_ROWS'

/** One thing that stands in the way. They are collected, so that one run shows all of them. */
export interface Problem {
  readonly code: ProblemCode
  /** What it is about, as people write it: `public.tasks`, `public.tasks.tenant_id`, `role tenantry_app`. */
  readonly object: string
  /** What is wrong and why it matters, as a sentence. */
  readonly message: string
  /** What to do about it: a change of the model, or SQL. */
  readonly fix: string
  /** The rows that are in the way: how many, and the keys of the first few of them as text. */
  readonly rows?: { readonly count: number; readonly examples: readonly string[] }
}
