import type { TableKind, TableOptions, TenancyOptions } from '../model/tenancy.ts'

/**
 * How sure a proposal is. `certain`: a foreign key or a known name says so. `likely`: signs point there, and the reasons
 * name them. `ambiguous`: people have to decide; it is among the questions, and not in the options.
 */
export type Confidence = 'certain' | 'likely' | 'ambiguous'

/** What is known beforehand. It is believed. */
export interface InferOptions {
  /** The table with one row a tenant. */
  readonly tenantTable?: string
  /** The schemas to look at; by default all that were read. */
  readonly schemas?: readonly string[]
  /** Answers to earlier questions, as in {@link TenancyOptions}. */
  readonly tables?: TenancyOptions['tables']
}

/** A table that may have one row a tenant. */
export interface RootCandidate {
  /** The name to write as `tenantTable`. */
  readonly table: string
  /** The higher, the likelier; only good for comparing the candidates of one database. */
  readonly score: number
  readonly reasons: readonly string[]
}

/** What one table looks like. */
export interface InferredTable {
  /** The name to write in `tables`. */
  readonly table: string
  /** Undefined where people have to decide. */
  readonly kind: TableKind | undefined
  /** The column that has the tenant's id, if there is one. */
  readonly column: string | undefined
  /** Of a child: the columns of the foreign key that leads to its tenant. */
  readonly through: readonly string[] | undefined
  readonly confidence: Confidence
  readonly reasons: readonly string[]
  /** What else it could be. Where people have to decide, all that it could be. */
  readonly alternatives: readonly TableOptions[]
}

/** One of the answers to a question. */
export interface Choice {
  /** What to write, as an entry of `tables` or as an option of `inferTenancy()`. */
  readonly write: string
  /** What follows from it. */
  readonly means: string
}

/** Something that people have to decide. */
export interface Question {
  /** The table that it is about; undefined: the tenant table, of which there may be several or none. */
  readonly table: string | undefined
  readonly question: string
  readonly choices: readonly Choice[]
}

/** A proposal for a database as it is. Made by {@link inferTenancy}. */
export interface Inference {
  /** Tables that may have one row a tenant, the likeliest first. */
  readonly candidates: readonly RootCandidate[]
  /** All tables but the tenant table and partitions, by name; empty if there is no tenant table to go by. */
  readonly tables: readonly InferredTable[]
  readonly questions: readonly Question[]
  /**
   * What `defineTenancy()` takes, without the tables that are in question. Undefined if it is not clear which is the
   * tenant table.
   */
  readonly options: TenancyOptions | undefined
}
