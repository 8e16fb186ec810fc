import { statementKind } from '../pg/statement-kind.ts'
import type { StatementKind } from '../pg/statement-kind.ts'
import { CLIENT, readParse, readQuery, statementOfBind } from './messages.ts'

/** What the first message of a group says. */
export interface SentStatement {
  /** `undefined` if it is no statement: a Sync alone. */
  readonly kind: StatementKind | undefined
  /** The driver sends it for itself, for no query of anybody's, and may. */
  readonly own: boolean
}

/** The statements of one session, those that are prepared included, of which later messages have only the name. */
export class SentStatements {
  readonly #allows: (text: string) => boolean
  readonly #prepared = new Map<string, SentStatement>()
  #parsed: readonly [name: string, statement: SentStatement] | undefined

  /** @param allows whether the driver may send this text for itself */
  constructor(allows: (text: string) => boolean) {
    this.#allows = allows
  }

  read(message: Buffer): SentStatement {
    switch (message[0]) {
      case CLIENT.parse: {
        const { name, text } = readParse(message)
        const statement = this.#of(text)
        this.#parsed = name === '' ? undefined : [name, statement]
        return statement
      }
      case CLIENT.bind:
        return this.#prepared.get(statementOfBind(message)) ?? { kind: 'other', own: false }
      case CLIENT.query:
        return this.#of(readQuery(message))
      default:
        return { kind: undefined, own: false }
    }
  }

  /**
   * The server has parsed what was read last. Only then does postgres.js use a name again: those of texts that are
   * refused, or wrong, would gather here.
   */
  confirm(): void {
    if (this.#parsed !== undefined) this.#prepared.set(...this.#parsed)
    this.#parsed = undefined
  }

  #of(text: string): SentStatement {
    return { kind: statementKind(text), own: this.#allows(text) }
  }
}
