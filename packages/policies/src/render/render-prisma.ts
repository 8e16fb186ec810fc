import { dollarQuoted } from '../dollar-quoted.ts'
import type { Plan } from '../plan/plan.ts'
import { localSettings, piecesOf, type Piece } from './pieces.ts'
import { digitsOf, fileName, type MigrationOptions, type RenderedFile } from './rendered-file.ts'

/**
 * A plan as migrations for Prisma Migrate: folders with a `migration.sql`. Prisma has no way down; `renderSql()` has.
 *
 * Prisma has no transactions of its own around a file, and sends it in one of two ways: as one text, which PostgreSQL makes
 * one transaction, or from 7.4 on, if its parser understands all of it, statement by statement. So that both come to the same,
 * what has to be a transaction is one `DO` statement, and each statement that cannot be in one has a folder to itself.
 *
 * @param plan Made by `planTenancy()`.
 * @returns `<timestamp>_<name>/migration.sql`, numbered and one second apart if there are several, for `prisma/migrations`.
 *
 * @example
 * ```ts no-run
 * for (const { path, content } of renderPrisma(plan)) {
 *   await mkdir(`prisma/migrations/${dirname(path)}`)
 *   await writeFile(`prisma/migrations/${path}`, content)
 * }
 * ```
 */
export function renderPrisma(plan: Plan, options: MigrationOptions = {}): readonly RenderedFile[] {
  const contents = plan.shape === 'offline' ? offline(plan, options) : online(plan, options)
  const { timestamp = new Date() } = options
  const digits = String(contents.length).length
  return contents.map((content, index) => {
    const at = new Date(timestamp.getTime() + index * 1000)
    const number = contents.length === 1 ? '' : `_${String(index + 1).padStart(digits, '0')}`
    return { path: `${digitsOf(at)}_${fileName(options)}${number}/migration.sql`, content }
  })
}

function offline(plan: Plan, options: MigrationOptions): readonly string[] {
  const pieces = piecesOf(plan, 'up', options)
  if (pieces.length === 0) return []
  return [`-- One transaction: all of it, or nothing.\n${doBlock(plan, pieces, options)}`]
}

/** Steps in transactions, one after the other in one file, up to one that is in none. */
function online(plan: Plan, options: MigrationOptions): readonly string[] {
  const contents: string[] = []
  let group: string[] = []
  const endGroup = (): void => {
    if (group.length > 0) contents.push(inOneFile(group))
    group = []
  }
  for (const piece of piecesOf(plan, 'up', options)) {
    if (piece.transaction) {
      group.push(doBlock(plan, [piece], options))
    } else {
      endGroup()
      for (const statement of piece.statements) {
        contents.push(
          `${comments(piece)}\n-- Alone in this file, because it cannot be in a transaction.\n${statement};\n`,
        )
      }
    }
  }
  endGroup()
  return contents
}

function inOneFile(blocks: readonly string[]): string {
  if (blocks.length === 1) return blocks.join('')
  return `-- Each DO is a transaction of its own. COMMIT ends the one that PostgreSQL opens around a text of several statements;
-- where there is none, it does nothing.
${blocks.join('\nCOMMIT;\n\n')}`
}

function doBlock(plan: Plan, pieces: readonly Piece[], options: MigrationOptions): string {
  const settings = localSettings(plan, options)
    // It limits the whole of a running statement, here the DO.
    .filter((setting) => !setting.includes('statement_timeout'))
    .map((setting) => `  ${setting};\n`)
  const steps = pieces.map(
    (piece) =>
      `${comments(piece)}\n${piece.statements.map((statement) => `${inBlock(statement)};\n`).join('')}`,
  )
  return `DO ${dollarQuoted(`\nBEGIN\n${[...(settings.length > 0 ? [settings.join('')] : []), ...steps].join('\n')}END\n`)};\n`
}

/**
 * A statement in PL/pgSQL: as it is, if it means there what it means in SQL; SELECT and what returns rows does not, nor do
 * bodies of functions in all versions.
 */
function inBlock(statement: string): string {
  const same =
    /^(?:ALTER|DROP|GRANT|REVOKE|COMMENT|SET|DO|CREATE (?:POLICY|SCHEMA|ROLE|INDEX|UNIQUE INDEX|TABLE|TRIGGER))\b/.test(
      statement,
    ) && !/\b(?:INTO|RETURNING)\b/i.test(statement.startsWith('DO') ? '' : statement)
  return same ? statement : `EXECUTE ${dollarQuoted(statement)}`
}

function comments({ comment }: Piece): string {
  return comment.map((line) => `-- ${line}`).join('\n')
}
