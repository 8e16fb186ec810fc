import type { ConformanceTenancy } from './tenancies.ts'

/** A row as the library under test returns it. */
export type Row = Record<string, unknown>

/** How the suite gets hold of the library under test: what the author of an adapter writes. */
export interface ConformanceHarness {
  /** The library, as it should appear in the report: `'Kysely 0.29'`. */
  readonly name: string
  /** Makes one instance of the library on one pool. Called for nearly every test, and closed after it. */
  open(options: OpenOptions): Promise<ConformanceSubject> | ConformanceSubject
  /**
   * The code of an error as users of the library get it: a SQLSTATE such as `42501` or a Tenantry code. By default the
   * first `code` on the error or down its chain of causes that looks like one.
   */
  errorCode?(error: unknown): string | undefined
}

/** What {@link ConformanceHarness.open} must use. */
export interface OpenOptions {
  readonly tenancy: ConformanceTenancy
  /** The application role. */
  readonly connectionString: string
  /** The system role; absent where the subject must have no system pool. */
  readonly systemConnectionString: string | undefined
  /** The number of connections of the application's pool. */
  readonly max: number
}

/**
 * One instance of the library under test, as far as the suite needs it. Methods that the library cannot offer are left
 * out, and stated with their reason as {@link ConformanceFacts}.
 *
 * Texts use `$1` placeholders, each with a cast (`$1::uuid`), and columns that every driver reads the same way:
 * text, int4 and uuid.
 */
export interface ConformanceSubject {
  /** One raw statement on its own (autocommit); its rows. */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** `work` in one transaction: committed when it resolves, rolled back when it rejects, with the first error. */
  transaction<Result>(
    work: (transaction: SubjectTransaction) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>
  /** Like `query`, with a Node callback. Fact `callbacks`. */
  callbackQuery?(
    text: string,
    values: readonly unknown[],
    callback: (error: unknown, rows: Row[] | undefined) => void,
  ): void
  /** The rows of a statement through a cursor. Fact `streams`. */
  stream?(text: string, values: readonly unknown[], batchSize: number): AsyncIterable<Row>
  /** Like `query`, as a named prepared statement. Fact `prepared`. */
  prepared?(name: string, text: string, values: readonly unknown[]): Promise<Row[]>
  /** Takes a connection out of the pool until it is released. Fact `checkout`. */
  checkout?(): Promise<HeldClient>
  /** The library's own query builder at work; by default built on `query`. */
  readonly operations?: ProjectOperations
  /** The state of the application's pool. Fact `counts`. */
  counts?(): PoolCounts
  /** Ends every connection. */
  close(): Promise<void>
}

/** The handle of one transaction. */
export interface SubjectTransaction {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** A transaction inside this one, by a savepoint. Fact `savepoints`. */
  transaction?<Result>(work: (transaction: SubjectTransaction) => Promise<Result>): Promise<Result>
}

/** How a transaction is opened. */
export interface TransactionOptions {
  /** Fact `isolationLevels`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** Fact `readOnly`. */
  readonly readOnly?: boolean
}

/** A connection that is held. */
export interface HeldClient {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Gives the connection back. A second call may throw, but must not do anything else. */
  release(): Promise<void> | void
}

/** Work on the table `projects` the way users of the library write it, never naming a tenant. */
export interface ProjectOperations {
  list(): Promise<ProjectRow[]>
  find(id: string): Promise<ProjectRow | undefined>
  insert(name: string): Promise<ProjectRow>
  /** Names every project, with no condition. */
  updateAll(name: string): Promise<void>
  /** Deletes every project, with no condition. */
  deleteAll(): Promise<void>
}

/** A project. */
export interface ProjectRow {
  readonly id: string
  readonly tenantId: string
  readonly name: string
}

/** The connections of a pool. */
export interface PoolCounts {
  readonly total: number
  readonly idle: number
  readonly waiting: number
}
