import type { Scope } from '../scope.ts'
import type { Setting } from '../settings.ts'
import { statementName } from './prepared-statements.ts'
import { bindMessage, executeMessage, parseMessage } from './wire-messages.ts'

/**
 * The prelude of one scope: the statement that sets every declared setting for the transaction it is sent in, `''`
 * for what the scope lacks, so that nothing a session was left with ever shows through. Values are bound parameters.
 *
 * It rides in the same protocol group as the statement it precedes: up to the Sync, a group is one transaction.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export interface Prelude {
  /** What the server must echo, in the order of the settings. */
  readonly values: readonly string[]
  /** Parse, Bind and Execute, without a name. */
  readonly unnamed: Buffer
  /** Bind and Execute of the prelude prepared on this connection before. */
  readonly named: Buffer
  /** The same as SQL text, to stand before several statements, which have to go through the simple protocol. */
  readonly text: string
}

/** Makes the preludes of a tenancy. */
export interface PreludeFactory {
  /** The Parse message that prepares the named prelude on a connection. */
  readonly parseNamed: Buffer
  of(scope: Scope): Prelude
}

/**
 * @param escapeLiteral quotes a value for SQL text
 */
export function preludeFactory(
  settings: readonly Setting[],
  escapeLiteral: (value: string) => string,
): PreludeFactory {
  const parameters = settings.map((setting) => setting.parameter)
  const calls = parameters.map((parameter, index) => `set_config('${parameter}',$${index + 1},true)`)
  const statement = `select ${calls.join(',')}`
  const name = statementName(statement)
  const parseUnnamed = parseMessage('', statement)

  // By scope, not by tenant in a bounded table: it lives as long as the request that opened the scope, and costs the
  // same for ten tenants as for a hundred thousand.
  const preludes = new WeakMap<Scope, Prelude>()

  function build(scope: Scope): Prelude {
    const values = settings.map((setting) => scope.values[setting.key] ?? '')
    return {
      values,
      unnamed: Buffer.concat([parseUnnamed, bindMessage('', values), executeMessage]),
      get named() {
        const named = Buffer.concat([bindMessage(name, values), executeMessage])
        Object.defineProperty(this, 'named', { value: named })
        return named
      },
      get text() {
        return `select ${values.map((value, index) => `set_config('${parameters[index]}',${escapeLiteral(value)},true)`).join(',')};`
      },
    }
  }

  return {
    parseNamed: parseMessage(name, statement),
    of(scope) {
      let prelude = preludes.get(scope)
      if (prelude === undefined) {
        prelude = build(scope)
        preludes.set(scope, prelude)
      }
      return prelude
    },
  }
}
