import type { Lease } from '../pg/lease.ts'
import type { PendingQuery } from './pending-query.ts'
import { cancelledBeforeSent } from './refusals.ts'
import type { Session } from './session.ts'

/** One query on its way through one connection, for one scope. */
export class Execution {
  readonly query: PendingQuery
  /** `undefined` for the pseudo-query with which a connection is taken out of the pool. */
  readonly lease: Lease | undefined
  /** It has a connection to itself, taken out of the pool, rather than the next that is free. */
  readonly held: boolean
  /** The session that has taken it on. */
  session: Session | undefined
  /** Once its connection has answered all of it, or it can get no answer any more. */
  readonly finished: Promise<void>
  #finish: () => void = () => {}
  #refusal: Error | undefined

  constructor(query: PendingQuery, lease: Lease | undefined, held: boolean) {
    this.query = query
    this.lease = lease
    this.held = held
    this.finished = new Promise((resolve) => {
      this.#finish = resolve
    })
  }

  /** Why it must not be sent after all. */
  get refusal(): Error | undefined {
    return this.#refusal
  }

  finish(): void {
    this.#finish()
  }

  /**
   * Cancels it: by a request to the server only while the server works on it, or it would hit another one.
   * @param request sends that request
   */
  cancel(request: (query: PendingQuery) => Promise<unknown>): void {
    if (this.session === undefined) {
      this.#refusal ??= cancelledBeforeSent()
      this.query.reject(this.#refusal)
    } else if (this.query.active) {
      this.session.cancelling(request(this.query))
    }
  }
}
