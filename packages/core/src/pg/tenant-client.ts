import { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import { describeScope } from '../scope.ts'
import { bindSubmittable, inCallersContext } from './caller-context.ts'
import { isCancellation } from './cancellation.ts'
import { homeOf } from './client-home.ts'
import type { ClientHome } from './client-home.ts'
import type { Lease } from './lease.ts'
import { BaseClient } from './pg-internals.ts'
import type {
  DatabaseMessage,
  FieldDescription,
  QueryCallback,
  Submittable,
  TransactionStatus,
  WireConnection,
} from './pg-internals.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { publishPrepareDisabled } from './prepare-event.ts'
import { refuseCopy } from './refusals.ts'
import { statementKind } from './statement-kind.ts'
import type { StatementKind } from './statement-kind.ts'
import { TenantQuery } from './tenant-query.ts'

/** A prelude on its way: from being armed, through being written, to the server's echo. */
interface Flight {
  readonly lease: Lease
  /** Written to the socket. */
  sent: boolean
  /** Its Parse, if it has one, is still to be confirmed; a named one is then known to the connection. */
  awaitsParse: 'named' | 'unnamed' | undefined
  /** The server echoed the values. */
  echoed: boolean
  /** Its CommandComplete came: what follows is the caller's. */
  completed: boolean
  /** Characters of SQL text it put before the caller's, which shift the positions in error messages. */
  textLength: number
}

// Command tags after which a transaction may have lost the settings, or be another one.
const TAGS_LOSING_SETTINGS = new Set([
  'BEGIN',
  'START TRANSACTION',
  'COMMIT',
  'ROLLBACK',
  'PREPARE TRANSACTION',
  'SET',
  'RESET',
  'DISCARD ALL',
])
const TAGS_LOSING_STATEMENTS = new Set(['DEALLOCATE', 'DEALLOCATE ALL', 'DISCARD ALL'])

/**
 * One connection. It sends a statement only for a lease, puts the lease's prelude into the same protocol group, and
 * checks that the server's replies are the ones to that group; if ever not, the connection ends.
 */
export class TenantClient extends BaseClient {
  readonly #home: ClientHome
  readonly #prepared: PreparedStatements | undefined
  /** What is armed or in flight for the statement in progress. */
  #flight: Flight | undefined
  #active: Submittable | undefined
  #status: TransactionStatus = 'I'
  /** The open transaction has the settings of the lease. */
  #applied = false
  /** Syncs and simple queries sent whose ReadyForQuery has not come. */
  #expectedReady = 0
  #desynchronised = false
  /** The server waits for the caller's data. */
  #copyingIn = false
  #retry: TenantQuery | undefined
  #whenQuiet: (() => void) | undefined
  #everLeased = false

  constructor(config: unknown) {
    super(config)
    this.#home = homeOf(config)
    this.#prepared = this.#home.statementNames && new PreparedStatements(this.#home.statementNames)
    this.#hookConnection(this.connection)
    // A connection that breaks while checked out fails its statements, and release() removes it; without a listener it
    // would also end the process.
    this.on('error', () => {})
  }

  /** The server's own word for where it stands, as of the last reply. */
  get status(): TransactionStatus {
    return this.#status
  }

  /** Nothing queued, nothing in progress, every reply in. */
  get isQuiet(): boolean {
    const queue = this._queryQueue ?? this.queryQueue
    return this.readyForQuery === true && queue.length === 0 && this.#expectedReady === 0
  }

  /**
   * Busy, and not to be waited for: the server waits for the client (an open cursor, COPY FROM), or the caller was told
   * of a timeout while the statement runs on.
   */
  get isAbandoned(): boolean {
    if (this.isQuiet) return false
    const timedOut = this.#active instanceof TenantQuery && this.#active.timedOut
    return timedOut || this.#copyingIn || (this.#active !== undefined && this.#expectedReady === 0)
  }

  /** Calls back once, when the client is quiet or its connection has ended. */
  whenQuiet(callback: () => void): void {
    const once = (): void => {
      this.#whenQuiet = undefined
      this.removeListener('end', once)
      callback()
    }
    this.#whenQuiet = once
    this.once('end', once)
  }

  /** Ends what set-up may do: from now on statements need a lease. */
  leased(): void {
    this.#everLeased = true
  }

  // A client reached without a checkout: by the pool's events, by `new pool.Client()`.
  override query(config: unknown, values?: unknown, callback?: unknown): never {
    const pooled = this.#home.isPooled(this)
    if (pooled && !this.#everLeased) return this.run(this.#home.setupLease, config, values, callback) as never
    if (!pooled && isCancellation(config, values))
      return super.query(config as string, values as never) as never
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
    if (typeof (config as Partial<Submittable>).submit === 'function') {
      return this.#runSubmittable(lease, config as Submittable, values, callback)
    }
    let query: TenantQuery
    try {
      query = new TenantQuery(lease, this.#beforeSending, config, values, callback)
    } catch (error) {
      return refuseQuery(error as Error, config, values, callback, this.connection)
    }
    if (query.callback) {
      if (typeof query.callback !== 'function') throw new TypeError('callback is not a function')
      query.callback = inCallersContext(query.callback)
      super.query(query as never)
      return undefined
    }
    return new Promise((resolve, reject) => {
      query.callback = (error, result) => (error ? reject(error) : resolve(result))
      super.query(query as never)
    }).catch(rethrowFromHere)
  }

  /** Sends a statement of `pool.query`: the callback is the pool's own, so it needs no context. */
  runForPool(lease: Lease, config: unknown, values: unknown, callback: QueryCallback): void {
    if (typeof (config as Partial<Submittable> | null)?.submit === 'function') {
      this.#runSubmittable(lease, config as Submittable, values, callback)
      return
    }
    if (config === null || config === undefined)
      throw new TypeError('Client was passed a null or undefined query')
    super.query(new TenantQuery(lease, this.#beforeSending, config, values, callback) as never)
  }

  #runSubmittable(lease: Lease, submittable: Submittable, values: unknown, callback: unknown): unknown {
    const given = typeof values === 'function' ? values : callback
    if (!submittable.callback && typeof given === 'function') {
      submittable.callback = inCallersContext(given as QueryCallback)
    }
    // pg before 8.17 calls a callback when the query_timeout strikes, whether there is one or not.
    const timeout =
      (submittable as { query_timeout?: number }).query_timeout ?? this.connectionParameters.query_timeout
    if (timeout && !submittable.callback && !('requiresPreparation' in submittable))
      submittable.callback = () => {}
    const submit = submittable.submit.bind(submittable)
    submittable.submit = (connection) => {
      const text = typeof submittable.text === 'string' ? submittable.text : cursorText(submittable)
      const kind = statementKind(text)
      const refusal = this.#arm(lease, kind, submittable)
      if (refusal !== undefined) return refusal
      if (this.#flight !== undefined && kind !== 'several' && 'requiresPreparation' in submittable) {
        submittable.requiresPreparation = () => true
      }
      connection.stream.cork()
      try {
        return submit(connection)
      } finally {
        connection.stream.uncork()
      }
    }
    bindSubmittable(submittable)
    return super.query(submittable as never)
  }

  // Bound once, not for each statement.
  readonly #beforeSending = (query: TenantQuery): Error | undefined => {
    const refusal = this.#arm(query.lease, query.kind, query)
    if (refusal !== undefined || this.#desynchronised) return refusal
    query.extended = this.#flight !== undefined && query.kind !== 'several'
    query.statement =
      query.preparable && !query.retried ? this.#prepared?.use(query.text, typesOf(query)) : undefined
    if (query.statement !== undefined) query.extended = true
    for (const name of this.#prepared?.takeEvicted() ?? []) this.connection.close({ type: 'S', name })
    return undefined
  }

  /** Decides by the server's status, now that the statement's turn has come, whether its prelude goes ahead. */
  #arm(lease: Lease, kind: StatementKind, query: Submittable): Error | undefined {
    this.#flight = undefined
    this.#active = query
    if (this.#expectedReady !== 0) {
      this.#desynchronise(lease, 'a reply to an earlier statement was still to come')
      return undefined
    }
    if (
      this.#status === 'E' ||
      (this.#status === 'T' && this.#applied) ||
      !needsPrelude(kind, this.#status)
    ) {
      return undefined
    }
    if (kind === 'copy-in' || kind === 'copy-out') return refused(refuseCopy(), lease.scope)
    this.#flight = {
      lease,
      sent: false,
      awaitsParse: undefined,
      echoed: false,
      completed: false,
      textLength: 0,
    }
    return undefined
  }

  #hookConnection(connection: WireConnection): void {
    const { parse, bind, query, sync } = connection
    connection.parse = (message, more) => {
      this.#sendPrelude(connection)
      parse.call(connection, message, more)
    }
    connection.bind = (message, more) => {
      this.#sendPrelude(connection)
      bind.call(connection, message, more)
    }
    connection.query = (text) => {
      this.#expectedReady += 1
      query.call(connection, this.#withPrelude(text))
    }
    connection.sync = () => {
      this.#expectedReady += 1
      sync.call(connection)
    }
  }

  #sendPrelude(connection: WireConnection): void {
    const flight = this.#flight
    if (flight === undefined || flight.sent) return
    flight.sent = true
    const { prelude } = flight.lease
    const prepared = this.#prepared
    if (prepared === undefined || !prepared.usable) {
      flight.awaitsParse = 'unnamed'
      connection.stream.write(prelude.unnamed)
      return
    }
    if (!prepared.preludeParsed) {
      flight.awaitsParse = 'named'
      connection.stream.write(this.#home.preludes.parseNamed)
    }
    connection.stream.write(prelude.named)
  }

  #withPrelude(text: string): string {
    const flight = this.#flight
    if (flight === undefined || flight.sent) return text
    flight.sent = true
    // Characters, as PostgreSQL counts positions, not UTF-16 units.
    flight.textLength = [...flight.lease.prelude.text].length
    return flight.lease.prelude.text + text
  }

  #desynchronise(lease: Lease, what: string): void {
    this.#desynchronised = true
    const error = refused(
      new TenantryError({
        code: 'CONNECTION_DESYNCHRONISED',
        message:
          `A connection acting for ${describeScope(lease.scope)} was destroyed before it could hand anybody another's ` +
          `rows: ${what}. Something writes to the connection by itself: update pg-cursor and pg-query-stream, and use ` +
          'no query_timeout with cursors.',
      }),
      lease.scope,
    )
    this._handleErrorEvent(error)
    this.connection.stream.destroy()
  }

  /** Whether a reply belongs to the prelude, or cannot be trusted; only others go on to the caller's query. */
  #preludeIsDue(): boolean {
    return this.#flight !== undefined && this.#flight.sent && !this.#flight.completed
  }

  override _handleParseComplete(message: object): void {
    if (this.#desynchronised) return
    const flight = this.#flight
    if (flight?.awaitsParse !== undefined) {
      if (flight.awaitsParse === 'named' && this.#prepared !== undefined) this.#prepared.preludeParsed = true
      flight.awaitsParse = undefined
      return
    }
    if (this.#active instanceof TenantQuery && this.#active.statement !== undefined) {
      this.#active.statement.parsed = true
    }
    super._handleParseComplete(message)
  }

  override _handleRowDescription(message: { fields: readonly FieldDescription[] }): void {
    if (this.#desynchronised || this.#preludeIsDue()) return
    super._handleRowDescription(message)
  }

  override _handleDataRow(message: { fields: readonly (string | null)[] }): void {
    if (this.#desynchronised) return
    const flight = this.#flight
    if (flight === undefined || !flight.sent || flight.completed) {
      super._handleDataRow(message)
      return
    }
    const expected = flight.lease.prelude.values
    if (flight.echoed || message.fields.length !== expected.length) {
      this.#desynchronise(flight.lease, 'its replies were those to another statement')
      return
    }
    for (let index = 0; index < expected.length; index += 1) {
      if (message.fields[index] !== expected[index]) {
        this.#desynchronise(flight.lease, "the server did not confirm the scope's settings")
        return
      }
    }
    flight.echoed = true
  }

  override _handleCommandComplete(message: { text: string }): void {
    if (this.#desynchronised) return
    const flight = this.#flight
    if (flight !== undefined && flight.sent && !flight.completed) {
      if (!flight.echoed) {
        this.#desynchronise(flight.lease, 'its replies were those to another statement')
        return
      }
      flight.completed = true
      this.#applied = true
      return
    }
    if (TAGS_LOSING_SETTINGS.has(message.text)) this.#applied = false
    if (TAGS_LOSING_STATEMENTS.has(message.text)) this.#prepared?.forgetAll()
    this.#copyingIn = false
    super._handleCommandComplete(message)
  }

  override _handlePortalSuspended(message: object): void {
    if (!this.#desynchronised) super._handlePortalSuspended(message)
  }

  override _handleEmptyQuery(message: object): void {
    if (!this.#desynchronised) super._handleEmptyQuery(message)
  }

  override _handleCopyInResponse(message: object): void {
    if (this.#desynchronised) return
    this.#copyingIn = true
    super._handleCopyInResponse(message)
  }

  override _handleCopyData(message: object): void {
    if (!this.#desynchronised) super._handleCopyData(message)
  }

  override _handleErrorMessage(message: DatabaseMessage): void {
    if (this.#desynchronised) return
    this.#copyingIn = false
    const preludeFailed = this.#preludeIsDue()
    if (this.#flight !== undefined) {
      // What follows an error up to ReadyForQuery is skipped by the server, the prelude's own reply included.
      this.#flight.completed = true
      shiftPosition(message, this.#flight.textLength)
    }
    if (this.#recoverStatement(message, preludeFailed)) return
    super._handleErrorMessage(message)
  }

  override _handleReadyForQuery(message: { status: TransactionStatus }): void {
    if (this.#desynchronised) return
    if (this._connecting) {
      super._handleReadyForQuery(message)
      return
    }
    const lease = this.#flight?.lease ?? this.#home.setupLease
    if (this.#expectedReady === 0) {
      this.#desynchronise(lease, 'the server answered a statement that was not sent')
      return
    }
    if (this.#preludeIsDue()) {
      this.#desynchronise(lease, "the server did not confirm the scope's settings")
      return
    }
    this.#expectedReady -= 1
    this.#status = message.status
    if (message.status !== 'T') this.#applied = false
    this.#flight = undefined
    const retry = this.#retry
    if (retry !== undefined) {
      this.#retry = undefined
      retry.submit(this.connection)
      return
    }
    this.#active = undefined
    super._handleReadyForQuery(message)
    if (this.#whenQuiet !== undefined && this.isQuiet) this.#whenQuiet()
  }

  /**
   * A statement under a name of ours whose plan or name the server has lost: it fails before it runs, so outside of a
   * transaction it is sent again, once, without a name. In a transaction the error has ended the transaction already.
   *
   * @returns whether the error has been dealt with
   */
  #recoverStatement(error: DatabaseMessage, preludeFailed: boolean): boolean {
    const prepared = this.#prepared
    if (prepared === undefined) return false
    const query = this.#active instanceof TenantQuery ? this.#active : undefined
    const statement = query?.statement
    if (!preludeFailed && statement === undefined) return false
    if (error.code === '0A000' && error.routine === 'RevalidateCachedQuery' && statement !== undefined) {
      prepared.evict(statement)
    } else if (
      (error.code === '26000' && error.routine === 'FetchPreparedStatement') ||
      (error.code === '42P05' && error.routine === 'StorePreparedStatement')
    ) {
      // Not our doing: DEALLOCATE and DISCARD are seen as they pass. A pooler has swapped the server session.
      prepared.disable()
      publishPrepareDisabled({ cause: error })
    } else {
      return false
    }
    if (this.#status !== 'I' || query === undefined || query.retried) return false
    query.retried = true
    this.#retry = query
    return true
  }
}

function needsPrelude(kind: StatementKind, status: TransactionStatus): boolean {
  switch (kind) {
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'release':
    case 'control':
    case 'set':
    case 'untransacted':
      return false
    case 'savepoint':
      return status === 'T'
    default:
      return true
  }
}

function typesOf(query: TenantQuery): readonly number[] | undefined {
  return Array.isArray(query.types) ? query.types : undefined
}

// pg-query-stream keeps its text in the cursor it is made of.
function cursorText(submittable: Submittable): string {
  const text: unknown = (submittable as { cursor?: { text?: unknown } }).cursor?.text
  return typeof text === 'string' ? text : ''
}

function shiftPosition(error: DatabaseMessage, by: number): void {
  if (by > 0 && error.position !== undefined) error.position = String(Number(error.position) - by)
}

/** Shows where the query was made instead of the socket's event, as pg does. */
function rethrowFromHere(error: unknown): never {
  if (error instanceof Error) Error.captureStackTrace(error)
  throw error
}

/** Refuses a query in the way it would have answered: callback, submittable or promise; never by throwing. */
export function refuseQuery(
  error: Error,
  config: unknown,
  values: unknown,
  callback: unknown,
  connection: WireConnection,
): unknown {
  if (typeof (config as Partial<Submittable> | null)?.submit === 'function') {
    const submittable = config as Submittable
    const given = typeof values === 'function' ? values : callback
    if (!submittable.callback && typeof given === 'function') submittable.callback = given as QueryCallback
    process.nextTick(() => submittable.handleError(error, connection))
    return submittable
  }
  const given = [callback, values, (config as { callback?: unknown } | null)?.callback].find(
    (candidate) => typeof candidate === 'function',
  )
  if (given === undefined) return Promise.reject(error)
  process.nextTick(given as QueryCallback, error)
  return undefined
}
