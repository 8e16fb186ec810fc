import { TenantryError } from '../errors.ts'
import { literal } from '../identifiers.ts'
import type { Plan } from '../plan/plan.ts'
import { isTransactional, localDefaults, localSettings, piecesOf } from './pieces.ts'
import { fileName, type MigrationOptions, type RenderedFile } from './rendered-file.ts'
import { sqlParts, type SqlPart } from './sql-parts.ts'

/** Options of {@link renderDrizzle}. */
export interface DrizzleMigrationOptions extends MigrationOptions {
  /** The content of `meta/_journal.json` as it is, which the migration is added to. Left out: it is the first. */
  readonly journal?: string
}

interface Journal {
  readonly version: string
  readonly dialect: string
  /** Each with its number as `idx`, `when` as milliseconds, and its `tag`, which is the name of its file. */
  readonly entries: readonly Readonly<Record<string, unknown>>[]
}

const BREAKPOINT = '--> statement-breakpoint'

/**
 * A plan as a custom SQL migration for Drizzle, like `drizzle-kit generate --custom` makes, and the journal with its entry.
 * Drizzle has no way down; `renderSql()` has.
 *
 * @param plan Made by `planTenancy()`.
 * @returns `<number>_<name>.sql` and `meta/_journal.json`, for the folder with the migrations.
 * @throws {TenantryError} `RENDERING_UNSUPPORTED` for an online plan with steps that cannot be in a transaction: Drizzle's
 *   migrator runs all migrations in one.
 *
 * @example
 * ```ts no-run
 * const journal = await readFile('drizzle/meta/_journal.json', 'utf8')
 * for (const { path, content } of renderDrizzle(plan, { journal })) await writeFile(`drizzle/${path}`, content)
 * ```
 */
export function renderDrizzle(plan: Plan, options: DrizzleMigrationOptions = {}): readonly RenderedFile[] {
  const pieces = piecesOf(plan, 'up', options)
  if (!isTransactional(pieces)) throw notInOneTransaction()
  const journal = parseJournal(options.journal)
  const last = journal.entries.at(-1)
  const number = Number(last?.['idx'] ?? -1) + 1
  const tag = `${String(number).padStart(4, '0')}_${fileName(options)}`
  // The migrator passes over what is not later than what it ran last.
  const when = Math.max((options.timestamp ?? new Date()).getTime(), Number(last?.['when'] ?? 0) + 1)
  const entry = { ['idx']: number, version: journal.version, when, tag, breakpoints: true }
  const set = (statements: readonly string[]): readonly string[] =>
    pieces.length === 0 ? [] : statements.map((statement) => `${statement};`)
  const chunks = [
    ...set(localSettings(plan, options)),
    ...pieces.flatMap(({ comment, statements }) =>
      statements.map((statement, index) => {
        const lines =
          index === 0
            ? comment.map((line) => `-- ${line.replaceAll(BREAKPOINT, '--> statement breakpoint')}\n`)
            : []
        return `${lines.join('')}${withoutBreakpoints(statement)};`
      }),
    ),
    ...set(localDefaults(plan, options)),
  ]
  return [
    { path: `${tag}.sql`, content: `${chunks.join(`\n${BREAKPOINT}\n`) || '-- Nothing to do.'}\n` },
    {
      path: 'meta/_journal.json',
      content: `${JSON.stringify({ ...journal, entries: [...journal.entries, entry] }, undefined, 2)}\n`,
    },
  ]
}

function notInOneTransaction(): TenantryError {
  return new TenantryError({
    code: 'RENDERING_UNSUPPORTED',
    message:
      'Drizzle’s migrator runs all migrations in one transaction, and this online plan has statements that cannot be in one, ' +
      'such as CREATE INDEX CONCURRENTLY. Apply it with applyPlan(), or with psql from renderSql(), or render the plan for ' +
      '{ shape: "offline" } and apply that in a maintenance window. Phases without such statements can be rendered by themselves, with `phase`.',
  })
}

function parseJournal(text: string | undefined): Journal {
  if (text === undefined) return { version: '7', dialect: 'postgresql', entries: [] }
  const journal = JSON.parse(text) as Partial<Journal> | null
  if (typeof journal?.version === 'string' && Array.isArray(journal.entries)) return journal as Journal
  throw new TenantryError({
    code: 'RENDERING_UNSUPPORTED',
    message:
      'The option `journal` is not the content of a meta/_journal.json of drizzle-kit: it has no version or no entries.',
  })
}

/** Drizzle cuts the file wherever the mark stands, in constants too: there it is written in a way that means the same. */
function withoutBreakpoints(statement: string): string {
  if (!statement.includes(BREAKPOINT)) return statement
  return sqlParts(statement)
    .map((part) => (part.text.includes(BREAKPOINT) ? withoutBreakpoint(part) : part.text))
    .join('')
}

function withoutBreakpoint({ kind, text }: SqlPart): string {
  switch (kind) {
    case 'string':
      return escaped(literal(text.slice(1, -1).replaceAll("''", "'")))
    case 'escape string':
      return escaped(text)
    case 'dollar string': {
      const length = text.indexOf('$', 1) + 1
      return escaped(literal(text.slice(length, -length)))
    }
    case 'identifier':
      return `U&${text.replaceAll('\\', '\\\\').replaceAll(BREAKPOINT, String.raw`--\003E statement-breakpoint`)}`
    case 'comment':
    case 'code':
      return text.replaceAll(BREAKPOINT, '--> statement breakpoint')
  }
}

/** A constant with escapes: `>` is `\x3e` in it. */
function escaped(constant: string): string {
  const trimmed = constant.trimStart()
  const withEscapes = /^[eE]/.test(trimmed) ? trimmed : `E${trimmed}`
  return ` ${withEscapes.replaceAll(BREAKPOINT, String.raw`--\x3e statement-breakpoint`)}`
}
