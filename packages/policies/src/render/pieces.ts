import type { Plan, Step } from '../plan/plan.ts'
import { checkBlock } from './check-block.ts'
import type { RenderOptions } from './rendered-file.ts'

export type Direction = 'up' | 'down'

/** What is run together, with what a reviewer should know about it. */
export interface Piece {
  /** Lines without anything that would end a comment. */
  readonly comment: readonly string[]
  readonly statements: readonly string[]
  readonly transaction: boolean
}

/** How long online steps wait for a lock unless something else is asked for, in milliseconds. */
const DEFAULT_LOCK_TIMEOUT = 2000

/** The plan in one direction, as pieces in order. The way up begins with the questions to the rows. */
export function piecesOf(plan: Plan, direction: Direction, { phase }: RenderOptions): readonly Piece[] {
  const phases = typeof phase === 'string' ? [phase] : phase
  const chosen = plan.steps.filter((step) => phases?.includes(step.phase) ?? true)
  if (direction === 'down') {
    return chosen.toReversed().flatMap((step) => pieceOf(`Undo of ${step.id}`, step, step.undo, undefined))
  }
  const check = chosen.length > 0 && plan.checks.length > 0 ? [checkPiece(plan)] : []
  return [
    ...check,
    ...chosen.flatMap((step) => pieceOf(`${step.id} (${step.phase})`, step, step.statements, step.reason)),
  ]
}

function pieceOf(
  title: string,
  { risk, transaction }: Step,
  statements: readonly string[],
  reason: string | undefined,
): readonly Piece[] {
  if (statements.length === 0) return []
  const lines = reason === undefined ? [title] : [title, reason, ...riskOf(risk)]
  return [{ comment: lines.map(oneLine), statements, transaction }]
}

function riskOf({ lock, rewrites, scans, note }: Step['risk']): readonly string[] {
  const facts = [
    ...(lock === null ? [] : [`Lock: ${lock.mode} on ${lock.tables.join(', ')}.`]),
    ...(rewrites ? ['Writes every row anew.'] : []),
    ...(scans ? ['Reads the whole table.'] : []),
  ]
  return [...(facts.length > 0 ? [facts.join(' ')] : []), ...(note === null ? [] : [`Note: ${note}`])]
}

function checkPiece(plan: Plan): Piece {
  return {
    comment: [
      'Raises, before anything is changed, if rows are in the way: with how many, and which.',
      'Where FORCE hides rows from the current role, who owns the table, it is lifted and rolled back within the block,',
      'which locks the table until then. A role with BYPASSRLS needs no lock.',
    ],
    statements: [checkBlock(plan)],
    transaction: true,
  }
}

/** All kinds of line ends are ends of a comment, in SQL or in TypeScript. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\u2028\u2029]+/g, ' ')
}

/**
 * What steps within transactions set first, for their transaction only. Without `row_security`, a statement that a policy
 * narrows passes over rows, validation of a foreign key too, which then counts as valid; with it `off`, it is refused.
 */
export function localSettings({ shape }: Plan, { lockTimeout }: RenderOptions): readonly string[] {
  const wanted = lockTimeout ?? (shape === 'online' ? DEFAULT_LOCK_TIMEOUT : undefined)
  return [
    'SET LOCAL row_security = off',
    'SET LOCAL statement_timeout = 0',
    ...(wanted === undefined ? [] : [`SET LOCAL lock_timeout = ${Math.round(wanted)}`]),
  ]
}

/** Undoes {@link localSettings} within a transaction that others go on in. */
export function localDefaults(plan: Plan, options: RenderOptions): readonly string[] {
  return localSettings(plan, options).map((setting) => setting.replace(/ = .*/, ' = DEFAULT'))
}

/** Around statements that cannot be in a transaction, such as CREATE INDEX CONCURRENTLY: cut short, it stays behind invalid. */
export const sessionSettings = {
  before: ['SET row_security = off', 'SET lock_timeout = 0', 'SET statement_timeout = 0'],
  after: ['RESET row_security', 'RESET lock_timeout', 'RESET statement_timeout'],
} as const

/** Whether all of it can be one transaction. */
export function isTransactional(pieces: readonly Piece[]): boolean {
  return pieces.every(({ transaction }) => transaction)
}
