import { refused } from '../events.ts'
import type { StatementKind } from '../pg/statement-kind.ts'
import type { Execution } from './execution.ts'
import {
  backendKeyData,
  CLIENT,
  commandComplete,
  errorMessage,
  MessageReader,
  messagesOf,
  readyForQuery,
  SERVER,
  shiftPosition,
  textAt,
} from './messages.ts'
import type { TransactionStatus } from './messages.ts'
import { unsupportedDriver } from './pending-query.ts'
import { PreludeState } from './prelude-state.ts'
import { desynchronised, hintAtLostNames } from './refusals.ts'
import type { Group, SessionEnds, SessionHome } from './session-parts.ts'
import { SentStatements } from './sent-statements.ts'
import { refusalOfKind } from './statement-rules.ts'
import { endOfRows, rowsAfter } from './unfinished-rows.ts'

// For poolers that give a session no key, or all the same: postgres.js knows its sessions by it. Above any process number.
let ownKeys = 0x7000_0000

/**
 * One session with the server, on the wire between postgres.js and the socket: puts a query's prelude into the same
 * protocol group, follows the server's transaction status, and checks that the answers are the ones to that group. If
 * ever not, the connection ends.
 *
 * postgres.js is kept from sending a second query before the first is answered: it takes the answers to one for those
 * to another where a query fails to be built, or is cancelled, behind another one's.
 */
export class Session {
  readonly #ends: SessionEnds
  readonly #reader = new MessageReader()
  readonly #statements: SentStatements
  readonly #state: PreludeState
  #starting = true
  #keyed = false
  /** Nothing passes any more. */
  #over = false
  #closed = false
  #next: Execution | undefined
  #group: Group | undefined
  #forward: Buffer[] = []
  #cancellation: Promise<unknown> | undefined
  #held: 'no' | 'yes' | 'ending' = 'no'
  #holdEnded: () => void = () => {}
  #holdLost: () => void = () => {}

  constructor(ends: SessionEnds, home: SessionHome) {
    this.#ends = ends
    this.#statements = new SentStatements(home.allows)
    this.#state = new PreludeState(home.preludes, home.prepare)
  }

  /** The server's own word for where it stands, as of the last answer. */
  get status(): TransactionStatus {
    return this.#state.status
  }

  /** The server has not yet said that it is ready for the first time. */
  get isStarting(): boolean {
    return this.#starting
  }

  get isOver(): boolean {
    return this.#over
  }

  /** The driver is about to write this query. */
  begin(execution: Execution): void {
    execution.session = this
    if (this.#group === undefined && this.#next === undefined) {
      this.#next = execution
      return
    }
    execution.finish()
    this.#desynchronise(execution, 'a statement was sent before the one ahead of it had been answered')
  }

  /** Has `lost` called if the connection goes while it is held. */
  onceHoldLost(lost: () => void): void {
    if (this.#closed) lost()
    else this.#holdLost = lost
  }

  /**
   * Lets the driver give the connection back: what it sends to end its transaction is answered here.
   * @param ended called once it has
   */
  endHold(ended: () => void): void {
    this.#held = 'ending'
    this.#holdEnded = ended
  }

  /** Ends a connection that must not go to anybody else as it is. */
  abandon(error: Error): void {
    if (!this.#over) this.#destroy(error)
  }

  /** Ends the connection if it still works on this query, whose rows nobody reads any more. */
  giveUp(execution: Execution, error: Error): void {
    if (this.#group?.execution === execution) this.abandon(error)
  }

  /** The next answer waits until the request to cancel the statement is through, or it would hit the next one. */
  cancelling(done: Promise<unknown>): void {
    this.#cancellation = done.catch(() => {})
  }

  /**
   * The connection is gone. The driver would keep the query that it works on, with its error, and take both for those
   * of its next connection; what it has yet to write, too. So its query is brought to an end first.
   *
   * @param error what the query fails with, unless the server has said why
   * @param closed called when the driver may hear of it
   */
  close(error: Error, closed: () => void): void {
    this.#over = true
    const group = this.#group
    const execution = group?.execution ?? this.#next
    if (this.#starting || (group === undefined && execution === undefined)) {
      this.#closed = true
      closed()
      this.#holdLost()
      return
    }
    this.#next = undefined
    const rest: Group = { execution, local: false, ended: true, hasRows: group?.hasRows }
    this.#group = rest
    // After what it has already written, and before and after what it writes in answer to the error.
    setImmediate(() => {
      if (execution !== undefined && group?.failed !== true) this.#interrupt(execution, error)
      setImmediate(() => {
        this.#group = undefined
        if (rest.hasRows === true) this.#ends.toDriver(endOfRows(execution))
        this.#ends.toDriver(readyForQuery('I'))
        execution?.finish()
        this.close(error, closed)
      })
    })
  }

  #interrupt({ query }: Execution, error: Error): void {
    const { reject } = query
    query.reject = () => reject(error)
    this.#ends.toDriver(errorMessage('08006', error.message))
  }

  fromDriver(chunk: Buffer): void {
    if (this.#over) return
    if (this.#starting) {
      this.#ends.toServer(chunk)
      return
    }
    const send: Buffer[] = []
    for (const message of messagesOf(chunk)) this.#take(message, send)
    if (send.length > 0) this.#ends.toServer(send.length === 1 ? (send[0] as Buffer) : Buffer.concat(send))
  }

  #take(message: Buffer, send: Buffer[]): void {
    const type = message[0]
    if (type === CLIENT.terminate) {
      send.push(message)
      return
    }
    const copying = type === CLIENT.copyData || type === CLIENT.copyDone || type === CLIENT.copyFail
    if (this.#group === undefined) {
      // A second Sync of a query whose answer could not be read, or the end of a COPY that the server has ended.
      if (copying || (type === CLIENT.sync && this.#next === undefined)) return
      this.#open(message, send)
      return
    }
    if (this.#group.ended && !copying) return
    if (!this.#group.local) send.push(message)
    if (type === CLIENT.sync) this.#endOfGroup(this.#group)
  }

  /** The first message of a group. */
  #open(message: Buffer, send: Buffer[]): void {
    const execution = this.#next
    this.#next = undefined
    const type = message[0]
    const { kind, own } = this.#statements.read(message)
    const ended = type === CLIENT.query || type === CLIENT.sync

    if (execution === undefined) {
      if (this.#held === 'ending' && (kind === 'commit' || kind === 'rollback')) {
        this.#group = { execution, local: true, ended: false }
        this.#answer(commandComplete('COMMIT'))
      } else if (own) {
        this.#group = { execution, local: false, ended: false }
        send.push(message)
      } else {
        this.#destroy(unsupportedDriver())
        return
      }
    } else if (execution.lease === undefined) {
      if (this.#state.status !== 'I') {
        this.#desynchronise(execution, 'it was in a transaction that somebody else had begun')
        return
      }
      this.#group = { execution, local: true, ended: false }
      this.#held = 'yes'
      this.#answer(commandComplete('BEGIN'))
    } else {
      this.#openFor(execution, message, kind, send)
    }
    if (ended && this.#group !== undefined) this.#endOfGroup(this.#group)
  }

  #openFor(execution: Execution, message: Buffer, kind: StatementKind | undefined, send: Buffer[]): void {
    const lease = execution.lease as NonNullable<Execution['lease']>
    if (!execution.held && this.#state.status !== 'I') {
      this.#desynchronise(execution, 'it was in a transaction that somebody else had begun')
      return
    }
    // A query that could not be built: a Sync and nothing else.
    if (kind === undefined) {
      this.#group = { execution, local: false, ended: false }
      send.push(message)
      return
    }
    let refusal = execution.refusal
    if (refusal === undefined) {
      const ofKind = refusalOfKind(kind, lease.scope, execution.held)
      refusal = ofKind && refused(ofKind, lease.scope)
    }
    if (refusal !== undefined) {
      this.#group = { execution, local: true, ended: false }
      this.#refuse(execution, refusal)
      return
    }
    if (this.#state.wants(kind)) {
      const { bytes, reply, shift } = this.#state.precede(lease.prelude, message)
      this.#group = { execution, local: false, ended: false, prelude: reply, shift }
      send.push(...bytes)
    } else {
      this.#group = { execution, local: false, ended: false }
      send.push(message)
    }
  }

  #endOfGroup(group: Group): void {
    group.ended = true
    if (!group.local) return
    process.nextTick(() => this.#finish(group))
  }

  /** Answers in the server's place: never at once, for the driver is still writing. */
  #answer(message: Buffer): void {
    process.nextTick(() => {
      if (!this.#over) this.#ends.toDriver(message)
    })
  }

  #refuse({ query }: Execution, refusal: Error): void {
    const { reject } = query
    query.reject = () => reject(refusal)
    this.#answer(errorMessage('42501', refusal.message))
  }

  fromServer(chunk: Buffer): void {
    for (const message of this.#reader.read(chunk)) {
      if (this.#over) return
      this.#receive(message)
    }
    this.#flush()
  }

  #receive(message: Buffer): void {
    switch (message[0]) {
      case SERVER.notice:
      case SERVER.notification:
      case SERVER.parameterStatus:
        this.#forward.push(message)
        return
      case SERVER.backendKeyData:
        this.#know(message)
        return
      case SERVER.readyForQuery:
        this.#ready(message)
        return
      case SERVER.error:
        this.#fail(message)
        return
      default:
    }
    if (this.#starting) {
      this.#forward.push(message)
      return
    }
    const group = this.#group
    if (group === undefined || group.local) {
      this.#desynchronise(group?.execution, 'the server answered a statement that was not sent')
    } else if (group.prelude?.isDue === true) {
      if (!this.#state.confirm(group.prelude, message)) this.#unconfirmed(group)
    } else {
      if (message[0] === SERVER.parseComplete) this.#statements.confirm()
      if (message[0] === SERVER.commandComplete) this.#state.completed(textAt(message, 5))
      group.hasRows = rowsAfter(message, group.hasRows)
      this.#forward.push(message)
    }
  }

  #fail(message: Buffer): void {
    const group = this.#group
    if (group !== undefined) {
      group.failed = true
      // What it asks for itself it asks in vain, and nobody is there to hear of an error.
      if (group.execution === undefined) return
    }
    const ofPrelude = group?.prelude?.isDue === true
    if (ofPrelude) this.#state.failed(group.prelude)
    const error = ofPrelude ? hintAtLostNames(message) : message
    this.#forward.push(group?.shift ? shiftPosition(error, group.shift) : error)
  }

  #know(message: Buffer): void {
    this.#keyed = true
    if (this.#ends.known(message.readUInt32BE(5), message.readUInt32BE(9))) this.#forward.push(message)
    else this.#know(backendKeyData((ownKeys += 1), 0))
  }

  #ready(message: Buffer): void {
    if (this.#starting) {
      this.#starting = false
      if (!this.#keyed) this.#know(backendKeyData((ownKeys += 1), 0))
      this.#forward.push(message)
      this.#flush()
      return
    }
    const group = this.#group
    if (group === undefined || group.local || !group.ended) {
      this.#desynchronise(group?.execution, 'the server answered a statement that was not sent')
      return
    }
    if (group.prelude?.isDue === true) {
      this.#unconfirmed(group)
      return
    }
    this.#state.ready(String.fromCharCode(message[5] ?? 0) as TransactionStatus)
    if (group.execution?.held === false && this.#state.status !== 'I') {
      this.#desynchronise(group.execution, 'a statement on its own left a transaction open')
      return
    }
    this.#flush()
    const cancellation = this.#cancellation
    if (cancellation === undefined) this.#finish(group)
    else void cancellation.then(() => this.#finish(group))
  }

  #finish(group: Group): void {
    if (this.#over) return
    this.#cancellation = undefined
    this.#group = undefined
    const holdEnds = group.local && group.execution === undefined
    if (holdEnds) this.#held = 'no'
    if (group.hasRows === true) this.#ends.toDriver(endOfRows(group.execution))
    // To the driver a connection that is held is in a transaction all the time, or it would hand it to others.
    this.#ends.toDriver(readyForQuery(this.#held === 'no' ? this.#state.status : 'T'))
    // Unless the driver has just sent it again, as it does when a plan has become stale.
    if (group.execution !== this.#next) group.execution?.finish()
    if (!holdEnds) return
    this.#holdLost = () => {}
    this.#holdEnded()
  }

  #flush(): void {
    if (this.#forward.length === 0 || this.#over) return
    const bytes = this.#forward.length === 1 ? (this.#forward[0] as Buffer) : Buffer.concat(this.#forward)
    this.#forward = []
    this.#ends.toDriver(bytes)
  }

  #unconfirmed({ execution }: Group): void {
    this.#desynchronise(execution, "the server did not confirm the scope's settings")
  }

  #desynchronise(execution: Execution | undefined, what: string): void {
    const scope = execution?.lease?.scope
    this.#destroy(refused(desynchronised(scope, what), scope))
  }

  #destroy(error: Error): void {
    if (this.#over) return
    this.#forward = []
    this.#over = true
    // Not at once: the driver may be in the middle of taking on the query that must hear of it.
    process.nextTick(() => this.#ends.destroy(error))
  }
}
