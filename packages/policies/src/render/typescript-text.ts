import type { Plan } from '../plan/plan.ts'
import { localDefaults, localSettings, piecesOf, type Direction, type Piece } from './pieces.ts'
import type { RenderOptions } from './rendered-file.ts'

/** `text` as a template literal without substitutions. */
export function templateLiteral(text: string): string {
  return `\`${text.replaceAll(/[`\\]|\$(?=\{)/g, String.raw`\$&`).replaceAll('\r', String.raw`\r`)}\``
}

/** The lines, each behind `//`. */
export function lineComments(comment: readonly string[], indentation: string): string {
  return comment.map((line) => `${indentation}// ${line}\n`).join('')
}

/** How a tool's migrations speak to the database. */
export interface Dialect {
  /** The parameter that `up` and `down` get. */
  readonly handle: string
  /** Before every line of the body. */
  readonly indentation: string
  /** A statement as an expression. */
  readonly statement: (sql: string) => string
}

/**
 * The body of `up` or `down`, as calls of `inTransaction`, `outsideTransactions` and `refuseTransaction`, which the file
 * defines; empty if there is nothing to do.
 */
export function migrationBody(
  plan: Plan,
  direction: Direction,
  options: RenderOptions,
  { handle, indentation, statement }: Dialect,
): string {
  const pieces = piecesOf(plan, direction, options)
  const settings = localSettings(plan, options)
  const list = (statements: readonly string[]): string =>
    statements.map((sql) => `${indentation}  ${statement(sql)},\n`).join('')
  if (pieces.length === 0) return ''
  if (plan.shape === 'offline') {
    const listed = pieces.map(
      (piece) => `${lineComments(piece.comment, `${indentation}  `)}${list(piece.statements)}`,
    )
    return `${indentation}await inTransaction(${handle}, [\n${[list(settings), ...listed, list(localDefaults(plan, options))].join('\n')}${indentation}])\n`
  }
  const call = ({ comment, statements, transaction }: Piece): string =>
    transaction
      ? `${lineComments(comment, indentation)}${indentation}await inTransaction(${handle}, [\n${list([...settings, ...statements])}${indentation}])\n`
      : `${lineComments(comment, indentation)}${indentation}await outsideTransactions(${handle}, [\n${list(statements)}${indentation}])\n`
  return [`${indentation}refuseTransaction(${handle})\n`, ...pieces.map(call)].join('\n')
}

/** Those of the helpers that the bodies call. */
export function usedHelpers(
  bodies: readonly string[],
  helpers: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(helpers)
    .filter(([name]) => bodies.some((body) => body.includes(`  ${name}(`) || body.includes(`await ${name}(`)))
    .map(([, definition]) => definition)
}
