import { AsyncLocalStorage } from 'node:async_hooks'
import type pg from 'pg'
import { describeValue } from '../describe-value.ts'
import { TenantryError } from '../errors.ts'
import type { Tenancy } from '../tenancy.ts'
import type { TenantClient } from './tenant-client.ts'

/** Options of `TenantPool.transaction`. */
export interface TransactionOptions {
  /** The isolation level; the server's default otherwise. https://www.postgresql.org/docs/current/transaction-iso.html */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** Refuses writes. @default false */
  readonly readOnly?: boolean
  /**
   * How many more times to run `fn`, from the start, after a serialization failure (40001) or a deadlock (40P01).
   * `fn` must then have no effect outside of the database. @default 0
   */
  readonly retries?: number
}

type Work<T> = (client: pg.PoolClient) => Promise<T>

/** A transaction in progress in one asynchronous context. */
interface Running {
  readonly client: pg.PoolClient
  readonly scopeKey: string | undefined
  readonly depth: number
  /** Nested transactions of one level take turns: savepoints are a stack. */
  queue: Promise<unknown>
  open: boolean
}

const LEVELS = new Set(['read committed', 'repeatable read', 'serializable'])
const RETRYABLE = new Set(['40001', '40P01'])
const LONGEST_PAUSE_MILLISECONDS = 100

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code
}

function invalid(message: string): never {
  throw new TenantryError({ code: 'INVALID_CONFIG', message })
}

function checkOptions({ isolation, readOnly, retries, ...unknown }: TransactionOptions): void {
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) {
    invalid(`transaction({ ${stranger} }) is no option: there are isolation, readOnly and retries.`)
  }
  if (isolation !== undefined && !LEVELS.has(isolation)) {
    invalid(
      `transaction({ isolation }) is ${describeValue(isolation)}: give one of ${[...LEVELS].join(', ')}.`,
    )
  }
  if (readOnly !== undefined && typeof readOnly !== 'boolean') {
    invalid(`transaction({ readOnly }) is ${describeValue(readOnly)}: give true or false.`)
  }
  if (retries !== undefined && (!Number.isSafeInteger(retries) || retries < 0)) {
    invalid(`transaction({ retries }) is ${describeValue(retries)}: give a whole number, 0 or more.`)
  }
}

function beginText({ isolation, readOnly }: TransactionOptions): string {
  return `begin${isolation === undefined ? '' : ` isolation level ${isolation}`}${readOnly === true ? ' read only' : ''}`
}

/** Runs the transactions of one pool. */
export class TransactionRunner {
  readonly #pool: pg.Pool
  readonly #tenancy: Tenancy
  readonly #running = new AsyncLocalStorage<Running>()

  constructor(pool: pg.Pool, tenancy: Tenancy) {
    this.#pool = pool
    this.#tenancy = tenancy
  }

  async run<T>(fn: Work<T>, options: TransactionOptions): Promise<T> {
    checkOptions(options)
    const outer = this.#running.getStore()
    if (outer?.open === true && outer.scopeKey === this.#tenancy.current()?.key) {
      if (Object.values(options).some((value) => value !== undefined)) {
        invalid(
          'A nested transaction() is a savepoint of the outer one and takes no options of its own: ' +
            'isolation, readOnly and retries belong to the outermost transaction().',
        )
      }
      return this.#nested(outer, fn)
    }
    const retries = options.retries ?? 0
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(fn, options)
      } catch (error) {
        if (attempt >= retries || !RETRYABLE.has(String(codeOf(error)))) throw error
        // Two transactions that collided and start again at once collide again.
        const pause = Math.random() * Math.min(LONGEST_PAUSE_MILLISECONDS, 5 * 2 ** attempt)
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  async #once<T>(fn: Work<T>, options: TransactionOptions): Promise<T> {
    const client = await this.#pool.connect()
    const running: Running = {
      client,
      scopeKey: this.#tenancy.current()?.key,
      depth: 0,
      queue: Promise.resolve(),
      open: true,
    }
    try {
      await client.query(beginText(options))
      let result: T
      try {
        result = await this.#running.run(running, () => fn(client))
      } catch (error) {
        running.open = false
        await succeeds(client.query('rollback'))
        throw error
      }
      running.open = false
      if (clientOf(client).status === 'I') throw endedByItself()
      const { command } = await client.query('commit')
      // The server answers COMMIT of a failed transaction with ROLLBACK, and no error.
      if (command === 'ROLLBACK') throw aborted(client)
      return result
    } finally {
      running.open = false
      // Waits for the last reply, and destroys the connection if that leaves anything open or there is none.
      client.release()
    }
  }

  #nested<T>(outer: Running, fn: Work<T>): Promise<T> {
    const turn = outer.queue.then(() => this.#savepoint(outer, fn))
    outer.queue = turn.catch(() => {})
    return turn
  }

  async #savepoint<T>(outer: Running, fn: Work<T>): Promise<T> {
    const { client, scopeKey } = outer
    const depth = outer.depth + 1
    const name = `tenantry_${depth}`
    await client.query(`savepoint ${name}`)
    const inner: Running = { client, scopeKey, depth, queue: Promise.resolve(), open: true }
    try {
      const result = await this.#running.run(inner, () => fn(client))
      inner.open = false
      try {
        await client.query(`release savepoint ${name}`)
      } catch (error) {
        // 25P02: a statement has failed before, and `fn` has swallowed its error.
        throw codeOf(error) === '25P02' ? aborted(client) : error
      }
      return result
    } catch (error) {
      inner.open = false
      // If this fails too, so will the outer commit, and that says so.
      await succeeds(client.query(`rollback to savepoint ${name}; release savepoint ${name}`))
      throw error
    }
  }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch {
    return false
  }
}

function clientOf(client: pg.PoolClient): TenantClient {
  return client as unknown as TenantClient
}

function endedByItself(): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_CONTROL_REFUSED',
    message:
      'The callback of transaction() ended the transaction itself, so what it did after that was not part of it. ' +
      'Return to commit, throw to roll back.',
  })
}

function aborted(client: pg.PoolClient): TenantryError {
  return new TenantryError({
    code: 'TRANSACTION_ABORTED',
    message:
      'The transaction was rolled back, not committed: a statement in it had failed and the error was not passed on ' +
      '(see the cause). Let the error leave the callback, or run the statement that may fail in a nested transaction().',
    // What ended it, though `fn` has swallowed the error or never awaited the statement.
    cause: clientOf(client).abortCause,
  })
}
