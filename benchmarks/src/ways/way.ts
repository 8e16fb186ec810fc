import type { Dataset, Task } from '../dataset.ts'

/** How to reach the benchmark's database, straight or through the proxy, as two of its roles. */
export interface ConnectionStrings {
  readonly superuser: string
  readonly app: string
}

/** What a way needs to open a session. */
export interface SessionSettings {
  readonly connectionStrings: ConnectionStrings
  readonly dataset: Dataset
  /** The size of the pool. */
  readonly connections: number
}

/** A row that every way must return alike. */
export interface TaskRow {
  /** A bigint, as the library reads it. */
  readonly id: string | number
  readonly title: string
  readonly done: boolean
}

/** An open pool that runs the benchmark's statement in one particular way. */
export interface Session {
  /** Runs before each query and is not measured. */
  beforeQuery?(task: Task): Promise<void>
  /** Ten rows of one project of one tenant. */
  query(task: Task): PromiseLike<readonly TaskRow[]>
  close(): Promise<void>
}

/** One way to run the benchmark's statement: a row of every table of results. */
export interface Way {
  /** The name for `--ways`. */
  readonly name: string
  /** What the tables of results call it. */
  readonly title: string
  /** It explains a latency and is no way to work: left out of everything else. */
  readonly latencyOnly?: boolean
  /** How many times its baseline it may take, by the name of the network. */
  readonly reach?: Readonly<Record<string, number>>
  open(settings: SessionSettings): Session | Promise<Session>
}
