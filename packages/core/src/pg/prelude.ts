import type { Scope } from '../scope.ts'
import type { Setting } from '../settings.ts'
import { statementName } from './prepared-statements.ts'
import { bindAndExecute, parseMessage } from './wire-messages.ts'

/**
 * The prelude of one scope: the statement that sets every declared setting for the transaction it is sent in, `''`
 * for what the scope lacks, so that nothing a session was left with ever shows through. Values are bound parameters.
 *
 * It rides in the same protocol group as the statement it precedes: up to the Sync, a group is one transaction.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export class Prelude {
  /** What the server must echo, in the order of the settings. */
  readonly values: readonly string[]
  readonly #factory: PreludeFactory
  #unnamed: Buffer | undefined
  #named: Buffer | undefined

  constructor(factory: PreludeFactory, values: readonly string[]) {
    this.#factory = factory
    this.values = values
  }

  /** Parse, Bind and Execute, without a name. */
  get unnamed(): Buffer {
    return (this.#unnamed ??= bindAndExecute(this.#factory.parseUnnamed, '', this.values))
  }

  /** Bind and Execute of the prelude prepared on this connection before. */
  get named(): Buffer {
    return (this.#named ??= bindAndExecute(nothing, this.#factory.name, this.values))
  }

  /** The same as SQL text, to stand before several statements, which have to go through the simple protocol. */
  get text(): string {
    return this.#factory.text(this.values)
  }
}

const nothing = Buffer.alloc(0)

/** Makes the preludes of a tenancy. */
export class PreludeFactory {
  readonly parseUnnamed: Buffer
  /** The Parse message that prepares the named prelude on a connection. */
  readonly parseNamed: Buffer
  readonly name: string
  readonly #settings: readonly Setting[]
  readonly #escapeLiteral: (value: string) => string

  /** @param escapeLiteral quotes a value for SQL text */
  constructor(settings: readonly Setting[], escapeLiteral: (value: string) => string) {
    this.#settings = settings
    this.#escapeLiteral = escapeLiteral
    const statement = this.#statement((_parameter, index) => `$${index + 1}`)
    this.name = statementName(statement)
    this.parseUnnamed = parseMessage('', statement)
    this.parseNamed = parseMessage(this.name, statement)
  }

  /** Not remembered: making one costs less than finding it, whether there are ten tenants or a hundred thousand. */
  of(scope: Scope): Prelude {
    return new Prelude(
      this,
      this.#settings.map(({ key }) => scope.values[key] ?? ''),
    )
  }

  text(values: readonly string[]): string {
    return `${this.#statement((_parameter, index) => this.#escapeLiteral(values[index] ?? ''))};`
  }

  #statement(value: (parameter: string, index: number) => string): string {
    const calls = this.#settings.map(
      ({ parameter }, index) => `pg_catalog.set_config('${parameter}',${value(parameter, index)},true)`,
    )
    return `select ${calls.join(',')}`
  }
}
