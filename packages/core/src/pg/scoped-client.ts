import { TenantryError } from '../errors.ts'
import { refused } from '../events.ts'
import { describeScope } from '../scope.ts'
import { homeOf } from './client-home.ts'
import type { ClientHome } from './client-home.ts'
import type { Lease } from './lease.ts'
import { BaseClient } from './pg-internals.ts'
import type {
  DatabaseMessage,
  FieldDescription,
  Submittable,
  TransactionStatus,
  WireConnection,
} from './pg-internals.ts'
import { PreludeFlight } from './prelude-flight.ts'
import { losesSettings, needsPrelude } from './prelude-rules.ts'
import { isNameLost, mayBeStale, PreparedStatements } from './prepared-statements.ts'
import { publishPrepareDisabled } from './prepare-event.ts'
import { releaseWaitersAtEnd } from './release-waiters.ts'
import { refuseCopy } from './refusals.ts'
import type { StatementKind } from './statement-kind.ts'
import { textOf } from './statement-text.ts'
import { TenantQuery } from './tenant-query.ts'

/**
 * The protocol side of a connection: puts a lease's prelude into the same group as its statement, follows the server's
 * transaction status, and checks that the replies are the ones to that group; if ever not, the connection ends.
 */
export class ScopedClient extends BaseClient {
  protected readonly home: ClientHome
  protected readonly prepared: PreparedStatements | undefined
  /** The prelude that is armed or in flight for the statement in progress. */
  #flight: PreludeFlight | undefined
  /** The statement in progress, and the last lease that sent one. */
  #active: Submittable | undefined
  #lease: Lease | undefined
  #status: TransactionStatus = 'I'
  /** The open transaction has the settings of the lease. */
  #applied = false
  /** Syncs and simple queries sent whose ReadyForQuery has not come. */
  #expectedReady = 0
  #desynchronised = false
  /** The server waits for the caller's data. */
  #copyingIn = false
  /** The server has accepted the values of the statement in progress: from here on it may have run. */
  #bound = false
  #retry: TenantQuery | undefined
  #abortCause: Error | undefined

  constructor(config: unknown) {
    super(config)
    this.home = homeOf(config)
    const { statementNames, preludes } = this.home
    this.prepared = statementNames && new PreparedStatements(statementNames, preludes.name)
    this.#hookConnection(this.connection)
    releaseWaitersAtEnd(this.connection)
    // pg does not handle this message.
    this.connection.on('bindComplete', () => {
      this.#bound = this.#flight?.isDue !== true
    })
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

  /** Of no more use: ended, ending, or its connection is gone. */
  get isBroken(): boolean {
    return !this._queryable || this._ending
  }

  /** As good as new: may go to the next holder. Anything else is destroyed, and the server rolls back what it left. */
  get isReusable(): boolean {
    return this.isQuiet && !this.isBroken && this.#status === 'I'
  }

  /** What ended the transaction that is open, or was last. */
  get abortCause(): Error | undefined {
    return this.#abortCause
  }

  /** The statement in progress. */
  protected get active(): Submittable | undefined {
    return this.#active
  }

  /** The server waits for the client: an open cursor, COPY FROM. It will not become quiet by itself. */
  protected get serverWaits(): boolean {
    return this.#copyingIn || (this.#active !== undefined && this.#expectedReady === 0)
  }

  /** Called when a statement has been sent or a group has ended, for whoever waits for the client. */
  protected settle(): void {}

  /**
   * Decides by the server's status, now that the statement's turn has come, whether its prelude goes ahead.
   *
   * @returns why it must not be sent, or how it goes; `'nowhere'` if the connection has just been ended, which tells
   *   the query itself
   */
  protected arm(
    lease: Lease,
    kind: StatementKind,
    query: Submittable,
  ): Error | 'scoped' | 'as it is' | 'nowhere' {
    this.#flight = undefined
    this.#active = query
    this.#bound = false
    if (this.#expectedReady !== 0) {
      this.#desynchronise(lease, 'a reply to an earlier statement was still to come')
      return 'nowhere'
    }
    if (lease !== this.#lease) {
      this.#lease = lease
      if (this.#status !== 'I') {
        this.#desynchronise(lease, 'it was in a transaction that somebody else had begun')
        return 'nowhere'
      }
    }
    const scoped = this.#status === 'E' || (this.#status === 'T' && this.#applied)
    if (scoped || !needsPrelude(kind, this.#status)) return 'as it is'
    if (kind === 'copy-in' || kind === 'copy-out') return refused(refuseCopy(), lease.scope)
    this.#flight = new PreludeFlight(lease)
    return 'scoped'
  }

  /** Sends Close for the statements that the limit has pushed out: first in the group, where nothing can skip it. */
  protected closeEvicted(): void {
    for (const name of this.prepared?.takeEvicted() ?? []) this.connection.close({ type: 'S', name })
  }

  // Whatever class a query is, and whichever of these its submit calls first: the prelude goes ahead of it.
  #hookConnection(connection: WireConnection): void {
    const { parse, bind, query, sync } = connection
    connection.parse = (message, more) => {
      this.#flight?.send(connection, this.prepared, this.home.preludes.parseNamed)
      parse.call(connection, message, more)
    }
    connection.bind = (message, more) => {
      this.#flight?.send(connection, this.prepared, this.home.preludes.parseNamed)
      bind.call(connection, message, more)
    }
    connection.query = (text) => {
      this.#expectedReady += 1
      query.call(connection, this.#flight?.sendAsText(text) ?? text)
    }
    connection.sync = () => {
      this.#expectedReady += 1
      sync.call(connection)
    }
  }

  #desynchronise(lease: Lease, what: string): void {
    this.#desynchronised = true
    const error = refused(
      new TenantryError({
        code: 'CONNECTION_DESYNCHRONISED',
        message:
          `A connection acting for ${describeScope(lease.scope)} was destroyed before it could hand anybody another's ` +
          `rows: ${what}. Something uses the connection behind TenantPool's back: update pg-cursor and ` +
          'pg-query-stream, use no query_timeout with cursors, and end every transaction that set-up begins.',
      }),
      lease.scope,
    )
    this._handleErrorEvent(error)
    this.connection.stream.destroy()
  }

  override _handleParseComplete(message: object): void {
    if (this.#desynchronised) return
    if (this.#flight?.parseComplete(this.prepared) === true) return
    if (this.#active instanceof TenantQuery && this.#active.statement !== undefined) {
      this.#active.statement.parsed = true
    }
    super._handleParseComplete(message)
  }

  override _handleRowDescription(message: { fields: readonly FieldDescription[] }): void {
    if (this.#desynchronised || this.#flight?.isDue === true) return
    super._handleRowDescription(message)
  }

  override _handleDataRow(message: { fields: readonly (string | null)[] }): void {
    if (this.#desynchronised) return
    if (this.#flight?.isDue !== true) super._handleDataRow(message)
    else if (!this.#flight.echo(message.fields)) {
      this.#desynchronise(this.#flight.lease, "the server did not confirm the scope's settings")
    }
  }

  override _handleCommandComplete(message: { text: string }): void {
    if (this.#desynchronised) return
    if (this.#flight?.isDue === true) {
      if (this.#flight.complete()) this.#applied = true
      else this.#desynchronise(this.#flight.lease, "the server did not confirm the scope's settings")
      return
    }
    if (losesSettings(message.text)) this.#applied = false
    this.prepared?.completed(message.text, textOf(this.#active))
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
    this.settle()
  }

  override _handleCopyData(message: object): void {
    if (!this.#desynchronised) super._handleCopyData(message)
  }

  override _handleErrorMessage(message: DatabaseMessage): void {
    if (this.#desynchronised) return
    this.#copyingIn = false
    const preludeFailed = this.#flight?.isDue === true
    this.#flight?.fail(message)
    if (this.#status === 'T') this.#abortCause ??= message
    if (this.#recoverStatement(message, preludeFailed)) return
    super._handleErrorMessage(message)
  }

  override _handleReadyForQuery(message: { status: TransactionStatus }): void {
    if (this.#desynchronised) return
    if (this._connecting) {
      super._handleReadyForQuery(message)
      this.settle()
      return
    }
    const lease = this.#flight?.lease ?? this.#lease ?? this.home.setupLease
    if (this.#expectedReady === 0) {
      this.#desynchronise(lease, 'the server answered a statement that was not sent')
      return
    }
    if (this.#flight?.isDue === true) {
      this.#desynchronise(lease, "the server did not confirm the scope's settings")
      return
    }
    this.#expectedReady -= 1
    // A transaction that works, again or a new one. After its end the cause stays, for whoever asks why it ended.
    if (message.status === 'T') this.#abortCause = undefined
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
    this.settle()
  }

  /**
   * A statement under a name of ours whose plan or name the server has lost. It fails before it runs, so outside of a
   * transaction it is sent again, once, without a name; the same error again is then the statement's own. In a
   * transaction the error has ended the transaction already.
   *
   * @returns whether the error has been dealt with
   */
  #recoverStatement(error: DatabaseMessage, preludeFailed: boolean): boolean {
    const prepared = this.prepared
    if (prepared === undefined || this.#bound) return false
    const query = this.#active instanceof TenantQuery ? this.#active : undefined
    const statement = query?.statement
    if ((preludeFailed || statement !== undefined) && isNameLost(error)) {
      // Not our doing: DEALLOCATE and DISCARD are seen as they pass. A pooler has swapped the server session.
      if (prepared.disable()) publishPrepareDisabled({ cause: error })
    } else if (!preludeFailed && statement !== undefined && query?.reused === true && mayBeStale(error)) {
      // Planned anew at Bind, as a table or type it uses has changed: https://www.postgresql.org/docs/current/sql-prepare.html
      prepared.evict(statement)
    } else {
      return false
    }
    if (this.#status !== 'I' || query === undefined || query.retried) return false
    query.retried = true
    this.#retry = query
    return true
  }
}
