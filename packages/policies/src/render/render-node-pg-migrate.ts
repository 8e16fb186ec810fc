import type { Plan } from '../plan/plan.ts'
import {
  localDefaults,
  localSettings,
  piecesOf,
  sessionSettings,
  type Direction,
  type Piece,
} from './pieces.ts'
import { fileName, type MigrationOptions, type RenderedFile } from './rendered-file.ts'
import { lineComments, templateLiteral } from './typescript-text.ts'

/**
 * A plan as a migration for node-pg-migrate: one TypeScript file with `up` and `down`. That of an online plan calls
 * `pgm.noTransaction()`.
 *
 * @param plan Made by `planTenancy()`.
 * @returns `<timestamp>_<name>.ts`, for the folder with the migrations.
 *
 * @example
 * ```ts no-run
 * for (const { path, content } of renderNodePgMigrate(plan)) await writeFile(`migrations/${path}`, content)
 * ```
 */
export function renderNodePgMigrate(plan: Plan, options: MigrationOptions = {}): readonly RenderedFile[] {
  const { timestamp = new Date() } = options
  const content = [
    `import type { MigrationBuilder } from 'node-pg-migrate'\n`,
    action(plan, 'up', options),
    action(plan, 'down', options),
  ].join('\n')
  return [{ path: `${timestamp.getTime()}_${fileName(options)}.ts`, content }]
}

function action(plan: Plan, direction: Direction, options: MigrationOptions): string {
  const pieces = piecesOf(plan, direction, options)
  const parameter = pieces.length === 0 ? '_pgm' : 'pgm'
  return `export function ${direction}(${parameter}: MigrationBuilder): void {\n${body(plan, pieces, options)}}\n`
}

function body(plan: Plan, pieces: readonly Piece[], options: MigrationOptions): string {
  if (pieces.length === 0) return ''
  const settings = localSettings(plan, options)
  if (plan.shape === 'offline') {
    const set = (statements: readonly string[]): string => statements.map(call).join('')
    const steps = pieces.map((piece) => commented(piece, piece.statements.map(call)))
    return [set(settings), ...steps, set(localDefaults(plan, options))].join('\n')
  }
  const apart = pieces.map((piece) =>
    commented(
      piece,
      piece.transaction
        ? [together([...settings, ...piece.statements])]
        : [...sessionSettings.before, ...piece.statements, ...sessionSettings.after].map(call),
    ),
  )
  return [
    '  // Each call is sent by itself. One with several statements is one transaction, which PostgreSQL opens and ends.\n  pgm.noTransaction()\n',
    ...apart,
  ].join('\n')
}

function commented({ comment }: Piece, pieceCalls: readonly string[]): string {
  return `${lineComments(comment, '  ')}${pieceCalls.join('')}`
}

/** Without a second argument, node-pg-migrate leaves what stands in braces alone. */
function call(statement: string): string {
  return `  pgm.sql(${templateLiteral(statement)})\n`
}

function together(statements: readonly string[]): string {
  return call(`\n${statements.map((statement) => `${statement};\n`).join('')}`)
}
