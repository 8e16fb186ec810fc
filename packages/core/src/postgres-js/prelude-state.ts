import type { Prelude, PreludeFactory } from '../pg/prelude.ts'
import { losesNames, losesSettings, needsPrelude } from '../pg/prelude-rules.ts'
import type { StatementKind } from '../pg/statement-kind.ts'
import { CLIENT, queryMessage, readQuery } from './messages.ts'
import type { TransactionStatus } from './messages.ts'
import { PreludeReply } from './prelude-reply.ts'

/** A prelude and the message that it goes ahead of, as they are to be sent. */
export interface PreludedMessage {
  readonly bytes: readonly Buffer[]
  readonly reply: PreludeReply
  /** Characters of SQL text put before the caller's. */
  readonly shift: number
}

/** Where a session stands: its transaction, and whether that has the settings of its scope. */
export class PreludeState {
  readonly #preludes: PreludeFactory
  readonly #prepare: boolean
  #status: TransactionStatus = 'I'
  /** The open transaction has the settings of the scope that holds the session. */
  #applied = false
  /** The server knows the prelude by its name. */
  #named = false

  /** @param prepare whether statements may have names */
  constructor(preludes: PreludeFactory, prepare: boolean) {
    this.#preludes = preludes
    this.#prepare = prepare
  }

  /** The server's own word, as of the last answer. */
  get status(): TransactionStatus {
    return this.#status
  }

  /** Whether a statement of this kind must have a prelude now. */
  wants(kind: StatementKind): boolean {
    const scoped = this.#status === 'E' || (this.#status === 'T' && this.#applied)
    return !scoped && needsPrelude(kind, this.#status)
  }

  precede(prelude: Prelude, message: Buffer): PreludedMessage {
    if (message[0] === CLIENT.query) {
      const { text } = prelude
      const reply = new PreludeReply(prelude, undefined)
      // Characters, as PostgreSQL counts positions, not UTF-16 units.
      return { bytes: [queryMessage(text + readQuery(message))], reply, shift: Array.from(text).length }
    }
    if (!this.#prepare) {
      return { bytes: [prelude.unnamed, message], reply: new PreludeReply(prelude, 'unnamed'), shift: 0 }
    }
    if (this.#named) {
      return { bytes: [prelude.named, message], reply: new PreludeReply(prelude, undefined), shift: 0 }
    }
    const bytes = [this.#preludes.parseNamed, prelude.named, message]
    return { bytes, reply: new PreludeReply(prelude, 'named'), shift: 0 }
  }

  /** @returns whether the message is one that the prelude is answered with */
  confirm(reply: PreludeReply, message: Buffer): boolean {
    const outcome = reply.take(message)
    if (outcome === 'named') this.#named = true
    if (outcome === 'applied') this.#applied = true
    return outcome !== 'wrong'
  }

  /** The prelude has failed. Whatever the reason, it is prepared anew next time: a pooler may have swapped sessions. */
  failed(reply: PreludeReply): void {
    reply.fail()
    this.#named = false
  }

  completed(tag: string): void {
    if (losesSettings(tag)) this.#applied = false
    if (losesNames(tag)) this.#named = false
  }

  ready(status: TransactionStatus): void {
    this.#status = status
    if (status !== 'T') this.#applied = false
  }
}
