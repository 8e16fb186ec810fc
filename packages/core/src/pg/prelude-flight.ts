import type { Lease } from './lease.ts'
import type { DatabaseMessage, WireConnection } from './pg-internals.ts'
import type { PreparedStatements } from './prepared-statements.ts'

/** One prelude on its way: armed, written ahead of its statement, echoed by the server, completed. */
export class PreludeFlight {
  readonly lease: Lease
  #sent = false
  #echoed = false
  #completed = false
  /** Its Parse, if it has one, is still to be confirmed; a named one is then known to the connection. */
  #awaitsParse: 'named' | 'unnamed' | undefined
  /** Characters of SQL text it put before the caller's, which shift the positions in error messages. */
  #textLength = 0

  constructor(lease: Lease) {
    this.lease = lease
  }

  /** The server's next replies are those to the prelude, not to the caller's statement. */
  get isDue(): boolean {
    return this.#sent && !this.#completed
  }

  /** Writes the prelude, once, ahead of an extended query; under its name where names are in use. */
  send(connection: WireConnection, prepared: PreparedStatements | undefined, parseNamed: Buffer): void {
    if (this.#sent) return
    this.#sent = true
    const { prelude } = this.lease
    if (prepared === undefined || !prepared.usable) {
      this.#awaitsParse = 'unnamed'
      connection.stream.write(prelude.unnamed)
      return
    }
    if (!prepared.preludeParsed) {
      this.#awaitsParse = 'named'
      connection.stream.write(parseNamed)
    }
    connection.stream.write(prelude.named)
  }

  /** The text of a simple query with the prelude as its first statement. */
  sendAsText(text: string): string {
    if (this.#sent) return text
    this.#sent = true
    const before = this.lease.prelude.text
    // Characters, as PostgreSQL counts positions, not UTF-16 units.
    this.#textLength = Array.from(before).length
    return before + text
  }

  /** @returns whether this ParseComplete was the prelude's; pg would take it for that of the caller's named statement */
  parseComplete(prepared: PreparedStatements | undefined): boolean {
    if (this.#awaitsParse === undefined) return false
    if (this.#awaitsParse === 'named' && prepared !== undefined) prepared.preludeParsed = true
    this.#awaitsParse = undefined
    return true
  }

  /** @returns whether the row is the echo of exactly the values that were sent */
  echo(row: readonly (string | null)[]): boolean {
    const { values } = this.lease.prelude
    const matches =
      !this.#echoed && row.length === values.length && values.every((value, index) => value === row[index])
    this.#echoed = matches
    return matches
  }

  /** @returns whether the prelude has run: it completes with its echo before */
  complete(): boolean {
    this.#completed = this.#echoed
    return this.#completed
  }

  /** After an error the server skips the rest of the group, the prelude's own reply included. */
  fail(error: DatabaseMessage): void {
    this.#completed = true
    if (this.#textLength > 0 && error.position !== undefined) {
      error.position = String(Number(error.position) - this.#textLength)
    }
  }
}
