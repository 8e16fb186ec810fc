import type { Prelude } from '../pg/prelude.ts'
import { readRow, SERVER } from './messages.ts'

/** What the server owes in answer to a prelude, ahead of the answer to the statement it precedes. */
export class PreludeReply {
  readonly #prelude: Prelude
  /** Its Parse is still to be confirmed; a named one is then known to the session. */
  #awaitsParse: 'named' | 'unnamed' | undefined
  #echoed = false
  #due = true

  constructor(prelude: Prelude, awaitsParse: 'named' | 'unnamed' | undefined) {
    this.#prelude = prelude
    this.#awaitsParse = awaitsParse
  }

  /** The server's next messages are about the prelude, not about the caller's statement. */
  get isDue(): boolean {
    return this.#due
  }

  /**
   * Takes one message of the server's.
   * @returns what has come of it; `'wrong'` if it is not what a prelude is answered with
   */
  take(message: Buffer): 'pending' | 'named' | 'applied' | 'wrong' {
    switch (message[0]) {
      case SERVER.parseComplete: {
        const parsed = this.#awaitsParse
        this.#awaitsParse = undefined
        return parsed === undefined ? 'wrong' : parsed === 'named' ? 'named' : 'pending'
      }
      case SERVER.bindComplete:
      case SERVER.rowDescription:
        return 'pending'
      case SERVER.dataRow:
        return this.#echo(readRow(message)) ? 'pending' : 'wrong'
      case SERVER.commandComplete:
        this.#due = false
        return this.#echoed ? 'applied' : 'wrong'
      default:
        return 'wrong'
    }
  }

  /** After an error the server skips the rest of the group, the prelude's own answer included. */
  fail(): void {
    this.#due = false
  }

  #echo(row: readonly (string | null)[]): boolean {
    const { values } = this.#prelude
    if (this.#echoed) return false
    this.#echoed = row.length === values.length && values.every((value, index) => value === row[index])
    return this.#echoed
  }
}
