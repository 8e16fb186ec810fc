import { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import { bindSubmittable } from './bind-submittable.ts'
import { inCallersContext } from './caller-context.ts'
import { cancellationOf } from './cancellation.ts'
import type { Lease } from './lease.ts'
import type { QueryCallback, Submittable } from './pg-internals.ts'
import { refuseQuery } from './refuse-query.ts'
import { ScopedClient } from './scoped-client.ts'
import { statementKind } from './statement-kind.ts'
import { textOf } from './statement-text.ts'
import { TenantQuery } from './tenant-query.ts'

/** One connection of a TenantPool. It sends a statement only for a lease. */
export class TenantClient extends ScopedClient {
  /** Statements of which pg has told the caller that they took too long; on the server they run on. */
  readonly #timedOut = new WeakSet<Submittable>()
  #whenSettled: (() => void) | undefined
  #everLeased = false

  constructor(config: unknown) {
    super(config)
    // A connection that breaks while checked out fails its statements, and release() removes it; without a listener it
    // would also end the process.
    this.on('error', () => {})
  }

  /** Busy, and not to be waited for: the server waits for the client, or runs on after a timeout. */
  get isAbandoned(): boolean {
    if (this.isQuiet) return false
    return this.serverWaits || (this.active !== undefined && this.#timedOut.has(this.active))
  }

  /** Calls back once: when the client is quiet, will not become so by itself, or its connection has ended. */
  whenSettled(callback: () => void): void {
    const once = (): void => {
      this.#whenSettled = undefined
      this.removeListener('end', once)
      callback()
    }
    this.#whenSettled = once
    this.once('end', once)
  }

  protected override settle(): void {
    if (this.#whenSettled !== undefined && (this.isQuiet || this.isAbandoned)) this.#whenSettled()
  }

  /** Ends what set-up may do: from now on statements need a lease. */
  leased(): void {
    this.#everLeased = true
  }

  // A client reached without a checkout: by the pool's events, by `new pool.Client()`.
  override query(config: unknown, values?: unknown, callback?: unknown): never {
    const pooled = this.home.isPooled(this)
    if (pooled && !this.#everLeased) return this.run(this.home.setupLease, config, values, callback) as never
    const cancellation = pooled ? undefined : cancellationOf(config, values)
    if (cancellation !== undefined) {
      const given = typeof values === 'function' ? values : callback
      return super.query(cancellation as never, given as never) as never
    }
    const error = refused(
      new TenantryError({
        code: 'CLIENT_NOT_CHECKED_OUT',
        message:
          'This client was not checked out from the pool, so nobody knows for which tenant it acts. Take one with ' +
          'pool.connect(), or use pool.query(). Only the "connect" event and onConnect may use a client directly.',
      }),
      undefined,
    )
    return refuseQuery(error, config, values, callback, this.connection) as never
  }

  /** Sends a statement for a lease; takes and returns what `client.query` does. */
  run(lease: Lease, config: unknown, values: unknown, callback: unknown): unknown {
    if (config === null || config === undefined)
      throw new TypeError('Client was passed a null or undefined query')
    if (isSubmittable(config)) {
      const given = typeof values === 'function' ? values : callback
      if (!config.callback && typeof given === 'function') config.callback = given as QueryCallback
      try {
        bindSubmittable(config)
      } catch (error) {
        return refuseQuery(error as Error, config, values, callback, this.connection)
      }
      this.submit(lease, config)
      return config
    }
    let query: TenantQuery
    try {
      query = new TenantQuery(lease, config, values, callback)
    } catch (error) {
      return refuseQuery(error as Error, config, values, callback, this.connection)
    }
    if (query.callback) {
      if (typeof query.callback !== 'function') throw new TypeError('callback is not a function')
      this.send(query, inCallersContext(query.callback))
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.send(query, (error, result) => (error ? reject(error) : resolve(result)))
    }).catch(rethrowFromHere)
  }

  /** Queues a query of ours. */
  send(query: TenantQuery, callback: QueryCallback): void {
    query.beforeSending = this.#beforeSending
    query.afterSending = this.#afterSending
    query.callback = (error, result) => {
      this.#noticeTimeout(query, error)
      callback(error, result)
    }
    super.query(query as never)
  }

  /** Queues a caller's own query object, which has been bound to the caller's context. */
  submit(lease: Lease, submittable: Submittable): void {
    const isQuery = 'requiresPreparation' in submittable
    const callback = submittable.callback ?? this.#timeoutCallback(submittable, isQuery)
    if (callback !== undefined) {
      submittable.callback = (error, result) => {
        this.#noticeTimeout(submittable, error)
        callback(error, result)
      }
    }
    const submit = submittable.submit
    submittable.submit = (connection) => {
      const kind = statementKind(textOf(submittable))
      const armed = this.arm(lease, kind, submittable)
      if (armed === 'nowhere') return undefined
      if (armed instanceof Error) return armed
      if (armed === 'scoped' && isQuery && kind !== 'several') makeExtended(submittable)
      connection.stream.cork()
      try {
        return submit.call(submittable, connection)
      } finally {
        connection.stream.uncork()
        this.settle()
      }
    }
    super.query(submittable as never)
  }

  // With a query_timeout pg calls the callback, before 8.17 whether there is one or not, and never the 'error' listener.
  #timeoutCallback(submittable: Submittable, isQuery: boolean): QueryCallback | undefined {
    const own = (submittable as { query_timeout?: number }).query_timeout
    if (!(own ?? this.connectionParameters.query_timeout)) return undefined
    return (error) => {
      if (error && isQuery) submittable.emit?.('error', error)
    }
  }

  #noticeTimeout(query: Submittable, error: unknown): void {
    if (error instanceof Error && error.message === 'Query read timeout') {
      this.#timedOut.add(query)
      this.settle()
    }
  }

  // Made once for a connection, not for each statement.
  readonly #beforeSending = (query: TenantQuery): Error | 'nowhere' | undefined => {
    const armed = this.arm(query.lease, query.kind, query)
    if (armed === 'nowhere' || armed instanceof Error) return armed
    const types = Array.isArray(query.types) ? query.types : undefined
    query.statement = query.preparable && !query.retried ? this.prepared?.use(query.text, types) : undefined
    query.extended = query.statement !== undefined || (armed === 'scoped' && query.kind !== 'several')
    this.closeEvicted()
    return undefined
  }

  readonly #afterSending = (): void => this.settle()
}

/**
 * Makes a caller's pg.Query an extended one: a simple query behind an extended prelude would leave the transaction open.
 * What would have been simple has text results, whatever `binary` says.
 */
function makeExtended(query: Submittable): void {
  if (query.requiresPreparation?.() !== true) query.binary = false
  query.requiresPreparation = () => true
}

export function isSubmittable(config: unknown): config is Submittable {
  return typeof (config as Partial<Submittable> | null | undefined)?.submit === 'function'
}

/** Lets the stack lead to the caller rather than to the socket's event, as pg does. */
export function rethrowFromHere(error: unknown): never {
  if (error instanceof Error) Error.captureStackTrace(error)
  throw error
}
