import type { Lease } from '../pg/lease.ts'
import { inCallersContext } from '../pg/caller-context.ts'
import type { Execution } from './execution.ts'
import { connectionError } from './refusals.ts'
import type { Session } from './session.ts'

/** How a hold reaches its connection and the pool. */
export interface HoldEnds {
  send(execution: Execution): void
  /** Returns the connection to the pool; not to be called if it is gone. */
  giveBack(): void
  readonly address: string
}

/** A connection taken out of the pool, for one scope, until its release. Sends one query at a time. */
export class Hold {
  readonly lease: Lease
  readonly session: Session
  readonly #ends: HoldEnds
  #last: Promise<void> = Promise.resolve()
  #released = false

  constructor(lease: Lease, session: Session, ends: HoldEnds) {
    this.lease = lease
    this.session = session
    this.#ends = ends
  }

  get isReleased(): boolean {
    return this.#released
  }

  /** Sends a query when those before it are answered. */
  run(execution: Execution): void {
    this.#last = this.#last.then(inCallersContext(() => this.#send(execution)))
  }

  async #send(execution: Execution): Promise<void> {
    if (execution.refusal !== undefined) return
    if (this.session.isOver) {
      execution.query.reject(connectionError('CONNECTION_CLOSED', this.#ends.address))
      return
    }
    this.#ends.send(execution)
    await execution.finished
  }

  /** Gives the connection back when its last query is answered; destroys it unless it is idle then. */
  async release(): Promise<void> {
    this.#released = true
    await this.#last
    if (this.session.isOver) return
    if (this.session.status === 'I') this.#ends.giveBack()
    else this.session.abandon(connectionError('CONNECTION_DESTROYED', this.#ends.address))
  }
}
