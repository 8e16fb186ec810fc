import { createHash } from 'node:crypto'
import type { DatabaseMessage, FieldDescription } from './pg-internals.ts'
import { losesNames } from './prelude-rules.ts'

/** Prepared statements kept on each connection. */
const STATEMENT_LIMIT = 100

/** Texts remembered by a pool, to tell a second use from a first. */
const SEEN_LIMIT = 2_000

/** Longer texts, in characters, are bulk statements of which no two are the same. */
const TEXT_LIMIT = 10_000

/** One statement on one connection. */
export interface PreparedStatement {
  readonly name: string
  /** The server has confirmed it on this connection. */
  parsed: boolean
  /** Its columns, `null` if it returns none, `undefined` until it has been described once. */
  fields: readonly FieldDescription[] | null | undefined
}

/**
 * A statement's name: a hash of all that tells it from others. Never a counter: behind a pooler that moves connections
 * between clients, two counters give one name to two statements, and one client executes the other's.
 */
export function statementName(identity: string): string {
  return `tenantry_${createHash('sha256').update(identity).digest('hex').slice(0, 32)}`
}

/** Whether the server says that it does not know a name, or (to the same effect) knows it from somebody else. */
export function isNameLost({ code, routine }: DatabaseMessage): boolean {
  return (
    (code === '26000' && routine === 'FetchPreparedStatement') ||
    (code === '42P05' && routine === 'StorePreparedStatement')
  )
}

// What a conversion of values says: text, binary, out of range, date and time.
const VALUE_REFUSED = new Set(['22P02', '22P03', '22003', '22007', '22008'])
const PERMISSION_DENIED = '42501'

/**
 * Whether an error may come from a plan made when a table or type was another: its result has changed, an operator or
 * column no longer fits (class 42), or a value does not.
 */
export function mayBeStale({ code = '' }: DatabaseMessage): boolean {
  return code === '0A000' || (code.startsWith('42') && code !== PERMISSION_DENIED) || VALUE_REFUSED.has(code)
}

// Statements of the user's after which names or plans of this connection are gone.
const DEALLOCATED = /\bdeallocate\s+(?:prepare\s+)?"?(tenantry_[0-9a-f]{32})\b/g
const SCHEMA_CHANGED = /^(?:CREATE|ALTER|DROP) /

/** What all connections of a pool share: which texts are used repeatedly, and whether naming works at all. */
export class StatementNames {
  readonly #names = new Map<string, string | undefined>()
  #usable = true

  /** Whether names reach the same server session each time. */
  get usable(): boolean {
    return this.#usable
  }

  /**
   * Gives up naming: names were lost, or taken, behind our back, so a pooler does not track them.
   * @returns whether it had not been given up before
   */
  disable(): boolean {
    const before = this.#usable
    this.#usable = false
    this.#names.clear()
    return before
  }

  /** The name of a statement that is used for the second time or more; a text used once is not worth a plan. */
  nameOf(identity: string): string | undefined {
    if (!this.#names.has(identity)) {
      if (this.#names.size >= SEEN_LIMIT) this.#names.delete(this.#names.keys().next().value as string)
      this.#names.set(identity, undefined)
      return undefined
    }
    let name = this.#names.get(identity)
    if (name === undefined) {
      name = statementName(identity)
      this.#names.set(identity, name)
    }
    return name
  }
}

/** The prepared statements of one connection, the least recently used evicted first. */
export class PreparedStatements {
  readonly #names: StatementNames
  readonly #preludeName: string
  readonly #statements = new Map<string, PreparedStatement>()
  #evicted: string[] = []
  /** Whether the prelude is prepared on this connection. */
  preludeParsed = false

  constructor(names: StatementNames, preludeName: string) {
    this.#names = names
    this.#preludeName = preludeName
  }

  get usable(): boolean {
    return this.#names.usable
  }

  /** The statement to use for this text, or `undefined` to send it without a name. */
  use(text: string, types: readonly number[] | undefined): PreparedStatement | undefined {
    if (!this.#names.usable || text.length > TEXT_LIMIT) return undefined
    const name = this.#names.nameOf(
      types === undefined || types.length === 0 ? text : `${types.join(',')}:${text}`,
    )
    if (name === undefined) return undefined
    let statement = this.#statements.get(name)
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENT_LIMIT) this.#evictOldest()
      statement = { name, parsed: false, fields: undefined }
    } else {
      this.#statements.delete(name)
    }
    this.#statements.set(name, statement)
    return statement
  }

  /** Names to close on the server; the caller sends the Close messages. */
  takeEvicted(): readonly string[] {
    if (this.#evicted.length === 0) return this.#evicted
    const evicted = this.#evicted
    this.#evicted = []
    return evicted
  }

  /** Drops one statement, to be closed on the server with the next statement sent. */
  evict(statement: PreparedStatement): void {
    this.#statements.delete(statement.name)
    if (statement.parsed) this.#evicted.push(statement.name)
  }

  /** Keeps up with a statement of the user's that has run: its command tag and, as far as known, its text. */
  completed(tag: string, text: string): void {
    if (losesNames(tag)) {
      this.#forgetAll()
    } else if (tag === 'DEALLOCATE') {
      for (const [, name = ''] of text.toLowerCase().matchAll(DEALLOCATED)) {
        if (name === this.#preludeName) this.preludeParsed = false
        else this.#statements.delete(name)
      }
    } else if (SCHEMA_CHANGED.test(tag)) {
      // In the same transaction a stale plan would be an error that nothing can be done about.
      for (const statement of this.#statements.values()) this.evict(statement)
    }
  }

  #forgetAll(): void {
    this.#statements.clear()
    this.#evicted = []
    this.preludeParsed = false
  }

  /**
   * Gives up naming on the whole pool.
   * @returns whether it had not been given up before
   */
  disable(): boolean {
    this.#forgetAll()
    return this.#names.disable()
  }

  #evictOldest(): void {
    for (const statement of this.#statements.values()) {
      this.evict(statement)
      return
    }
  }
}
