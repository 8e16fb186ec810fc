import pg from 'pg'
import type { Row } from './harness.ts'

/** A backend of the subject, as pg_stat_activity shows it. */
export interface Backend {
  readonly pid: number
  /** The role it logged in as. */
  readonly role: string
  readonly state: string
  /** What it waits for, such as `PgSleep`. */
  readonly event: string | null
  /** Its current or last statement. */
  readonly query: string
}

/**
 * The independent eye of the suite: a superuser's connection made by plain `pg`, which no policy and no code under test
 * touches. What the subject claims counts only once it is seen from here.
 */
export class Observer {
  readonly #client: pg.Client
  #last: Promise<unknown> = Promise.resolve()

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /** @param connectionString of a superuser */
  static async open(connectionString: string): Promise<Observer> {
    const client = new pg.Client({ connectionString, application_name: 'tenantry-conformance-observer' })
    await client.connect()
    return new Observer(client)
  }

  /** The rows of any statement, past all policies; statements take turns. */
  async rows(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const result = this.#last.then(() => this.#client.query<Row>(text, [...values]))
    this.#last = result.catch(() => undefined)
    return (await result).rows
  }

  /** The single value of a statement with one row and one column. */
  async value(text: string, values: readonly unknown[] = []): Promise<unknown> {
    const [row] = await this.rows(text, values)
    return row === undefined ? undefined : Object.values(row)[0]
  }

  /** The backends whose application name is `name`, oldest first. */
  async backends(name: string): Promise<Backend[]> {
    const rows = await this.rows(
      `select pid, usename as role, coalesce(state, 'starting') as state, wait_event as event, query
       from pg_stat_activity where application_name = $1 order by backend_start, pid`,
      [name],
    )
    return rows as unknown as Backend[]
  }

  /** Kills backends, as an administrator or a failover would. */
  async terminate(backends: readonly Backend[]): Promise<void> {
    await this.rows('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [
      backends.map(({ pid }) => pid),
    ])
  }

  /** Cancels the running statements of backends, as an administrator or a timeout would. */
  async cancel(backends: readonly Backend[]): Promise<void> {
    await this.rows('select pg_cancel_backend(pid) from unnest($1::int[]) as pid', [
      backends.map(({ pid }) => pid),
    ])
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}
