import postgres from 'postgres'
import type { Lease } from '../pg/lease.ts'
import type { Tenancy } from '../tenancy.ts'
import type { Connections } from './connections.ts'
import { HeldGate } from './held-sql.ts'
import type { Hold } from './hold.ts'
import { transactionAborted } from './refusals.ts'
import { scopedSql } from './scoped-sql.ts'
import type { Gate, SqlFunction } from './scoped-sql.ts'

/** What a caller gives to `begin` and `savepoint`. */
export type TransactionFunction = (sql: SqlFunction) => unknown

/**
 * `sql.begin`: `fn` in one transaction of one scope. As that of postgres.js, but that `fn` has returned, and the transaction
 * is over and its connection free, when the promise settles: with the first error, if there are several.
 */
export async function inTransaction(
  tenancy: Tenancy,
  connections: Connections,
  lease: Lease,
  options: string,
  fn: TransactionFunction,
): Promise<unknown> {
  const hold = await connections.hold(lease)
  const transaction = new Transaction(tenancy, connections, hold)
  try {
    return await transaction.run(options, fn)
  } finally {
    transaction.shut()
    await hold.release()
  }
}

class Transaction {
  readonly #connections: Connections
  readonly #hold: Hold
  readonly #gate: HeldGate
  #savepoints = 0
  #prepareAs: string | undefined

  constructor(tenancy: Tenancy, connections: Connections, hold: Hold) {
    this.#connections = connections
    this.#hold = hold
    this.#gate = new HeldGate(tenancy, connections, hold, 'transaction')
  }

  async run(options: string, fn: TransactionFunction): Promise<unknown> {
    await this.#control(`begin ${options.replaceAll(/[^a-z ]/gi, '')}`)
    let result: unknown
    try {
      result = await this.#scope(fn)
    } catch (error) {
      this.shut()
      // The first error is the one to know. If this fails too, the release destroys the connection.
      await this.#control('rollback').catch(() => {})
      throw error
    }
    this.shut()
    const end = this.#prepareAs === undefined ? 'commit' : `prepare transaction '${this.#prepareAs}'`
    const { command } = (await this.#control(end)) as { command?: string }
    if (command === 'ROLLBACK') throw transactionAborted(undefined)
    return result
  }

  shut(): void {
    this.#gate.shut()
  }

  /** Runs what a caller does in the transaction or in a savepoint; fails if any of its queries has. */
  async #scope(fn: TransactionFunction): Promise<unknown> {
    const failures: unknown[] = []
    const gate: Gate = {
      tenancy: this.#gate.tenancy,
      submit: (query, made, current) => {
        this.#gate.submit(query, made, current)
        query.catch((error: unknown) => failures.push(error))
      },
    }
    const sql = Object.assign(scopedSql(this.#connections, gate), {
      savepoint: (...given: [name: unknown, fn?: TransactionFunction]) => this.#savepoint(given),
      prepare: (name: string) => {
        this.#prepareAs = name.replaceAll(/[^a-z0-9$\-_. ]/gi, '')
      },
    })
    try {
      const returned = fn(sql)
      const result: unknown = await (Array.isArray(returned) ? Promise.all(returned) : returned)
      if (failures.length > 0) throw failures[0]
      return result
    } catch (error) {
      // "current transaction is aborted": by the one before it.
      const aborted = error instanceof postgres.PostgresError && error.code === '25P02'
      throw aborted && failures.length > 0 ? failures[0] : error
    }
  }

  async #savepoint(given: [name: unknown, fn?: TransactionFunction]): Promise<unknown> {
    const [first, second] = given
    const template = Array.isArray((first as { raw?: unknown } | null)?.raw)
    const fn: TransactionFunction = template
      ? (sql) => sql(...(given as [unknown, ...unknown[]]))
      : (second ?? (first as TransactionFunction))
    const label = second !== undefined && typeof first === 'string' ? `_${first}` : ''
    const name = `"s${this.#savepoints}${label.replaceAll('"', '""')}"`
    this.#savepoints += 1
    await this.#control(`savepoint ${name}`)
    try {
      return await this.#scope(fn)
    } catch (error) {
      await this.#control(`rollback to ${name}`)
      throw error
    }
  }

  #control(text: string): Promise<unknown> {
    const query = this.#connections.unsafe(text, [], { simple: false })
    query.handler = () => this.#hold.run(this.#connections.execution(query, this.#hold.lease, true))
    return query
  }
}
