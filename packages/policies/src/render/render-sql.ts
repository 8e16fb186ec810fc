import type { Plan } from '../plan/plan.ts'
import { localSettings, piecesOf, sessionSettings, type Direction, type Piece } from './pieces.ts'
import type { RenderOptions } from './rendered-file.ts'
import { sqlParts } from './sql-parts.ts'

/** Options of {@link renderSql}. */
export interface RenderSqlOptions extends RenderOptions {
  /** `up` (default) applies the plan, `down` takes it back. */
  readonly direction?: Direction
}

/**
 * A plan as SQL for psql, with the reason and the risk of each step above it. On the way up it begins with a block that raises
 * if rows are in the way, before anything is changed. Privileges are not checked beforehand, as `checkPlan()` does.
 *
 * An offline plan is one transaction, and plain SQL that any client can send as it is. An online plan is a script for psql
 * only: many transactions, and statements outside of any. It stops at the first error, and may be run again.
 *
 * @param plan Made by `planTenancy()`.
 *
 * @example
 * ```ts no-run
 * await writeFile('tenancy.sql', renderSql(plan, { direction: 'up' })) // psql --no-psqlrc --file tenancy.sql
 * ```
 */
export function renderSql(plan: Plan, options: RenderSqlOptions = {}): string {
  const pieces = piecesOf(plan, options.direction ?? 'up', options)
  if (pieces.length === 0) return '-- Nothing to do.\n'
  return plan.shape === 'offline' ? together(plan, pieces, options) : apart(plan, pieces, options)
}

function together(plan: Plan, pieces: readonly Piece[], options: RenderOptions): string {
  return blocks([
    '-- One transaction: all of it, or nothing.',
    lines(['BEGIN', ...localSettings(plan, options)]),
    ...pieces.map((piece) => `${comments(piece)}\n${lines(piece.statements)}`),
    'COMMIT;',
  ])
}

function apart(plan: Plan, pieces: readonly Piece[], options: RenderOptions): string {
  return blocks([
    '-- For psql: each step is a transaction of its own, or in none. After an error it can be run again from the beginning.\n\\set ON_ERROR_STOP on',
    ...pieces.map((piece) => {
      const run = piece.transaction
        ? ['BEGIN', ...localSettings(plan, options), ...piece.statements, 'COMMIT']
        : [...sessionSettings.before, ...piece.statements, ...sessionSettings.after]
      return `${comments(piece)}\n${lines(run)}`
    }),
  ])
}

function comments({ comment }: Piece): string {
  return comment.map((line) => `-- ${line}`).join('\n')
}

function lines(statements: readonly string[]): string {
  return statements.map((statement) => `${withoutVariables(statement)};`).join('\n')
}

function blocks(texts: readonly string[]): string {
  return `${texts.join('\n\n')}\n`
}

/** In code, `:name` and `:"name"` are variables to psql: a space keeps them from being one, and says the same to PostgreSQL. */
function withoutVariables(statement: string): string {
  return sqlParts(statement)
    .map(({ kind, text }) =>
      kind === 'code' ? text.replaceAll(/(?<!:):(?=[\w{\u0080-\uffff]|$)/g, ': ') : text,
    )
    .join('')
}
