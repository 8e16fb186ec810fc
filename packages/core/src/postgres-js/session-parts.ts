import type { PreludeFactory } from '../pg/prelude.ts'
import type { Execution } from './execution.ts'
import type { PreludeReply } from './prelude-reply.ts'

/** The two ends between which a session stands. */
export interface SessionEnds {
  toServer(bytes: Buffer): void
  toDriver(bytes: Buffer): void
  /** Ends the connection, so that nobody gets an answer any more. */
  destroy(error: Error): void
  /**
   * The session has said by which numbers it is known.
   * @returns whether no other is known by them
   */
  known(pid: number, secret: number): boolean
}

/** What all sessions of a client share. */
export interface SessionHome {
  readonly preludes: PreludeFactory
  /** Whether statements may have names. */
  readonly prepare: boolean
  /** Whether the driver may send this text for itself, for no query of anybody's. */
  readonly allows: (text: string) => boolean
}

/** What is sent up to a Sync, or one simple query, and answered up to a ReadyForQuery. */
export interface Group {
  /** `undefined` if the driver sends it for itself. */
  readonly execution: Execution | undefined
  /** Answered here, in the place of the server, which hears nothing of it. */
  readonly local: boolean
  /** Its end has been sent. */
  ended: boolean
  /** The driver has been told of an error. */
  failed?: boolean
  /** The driver has rows of a statement whose end it has not been told of. */
  hasRows?: boolean | undefined
  readonly prelude?: PreludeReply
  /** Characters of SQL text put before the caller's. */
  readonly shift?: number
}
