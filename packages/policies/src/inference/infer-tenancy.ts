import type { Catalogue, Table } from '../catalogue/catalogue.ts'
import { TenantryError } from '../errors.ts'
import { defineAnswers } from '../model/define-tenancy.ts'
import { type KnownTables, knownTables, missingSchemas } from '../model/known-tables.ts'
import { namedTables } from '../model/table-kinds.ts'
import type { TableKind, TableOptions, TenancyOptions } from '../model/tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Inference, InferOptions, Question } from './inference.ts'
import { judgeTables } from './judge-tables.ts'
import type { Judgement } from './judgement.ts'
import {
  asRoot,
  clearRoot,
  keysByUsualName,
  referrersOf,
  rootCandidates,
  type ScoredRoot,
} from './root-candidates.ts'
import { commonColumn, type Root, tenantColumns } from './tenant-columns.ts'

/**
 * Proposes a tenancy for an existing database, from its catalogue alone: which table has one row a tenant, which tables
 * have its id under whatever name, which reach it through foreign keys and by which, which look shared. Every proposal has
 * its reasons. What is not clear is asked, never guessed: such tables are left out of the `options`.
 *
 * Answers go in as options, until no questions are left.
 *
 * @param catalogue The database, from `readCatalogue()`.
 * @param options What is known beforehand.
 * @throws {TenantryError} `INVALID_TENANCY` for options that `defineTenancy()` would not take; `TENANCY_DOES_NOT_FIT` if
 *   they name schemas or tables that are not there, or a tenant table without a key of one column.
 *
 * @example
 * ```ts no-run
 * const first = inferTenancy(catalogue)
 * for (const { question, choices } of first.questions) console.log(question, choices)
 * // Who may see public.users, whose rows may be in several tenants (public.memberships)?
 * const { options } = inferTenancy(catalogue, { tables: { users: 'excluded' } })
 * if (options) planTenancy(defineTenancy(options), catalogue)
 * ```
 */
export function inferTenancy(catalogue: Catalogue, options: InferOptions = {}): Inference {
  const schemas =
    options.schemas ?? catalogue.schemas.map(({ name }) => name).filter((name) => name !== 'tenantry')
  const known = knownTables(catalogue, schemas)
  const candidates = rootCandidates(known)
  const answers = checkedAnswers(options, known, catalogue)
  const clear = clearRoot(candidates)
  const root = answers.root ?? clear?.root
  const shown = candidates.map(({ table, score, reasons }) => ({ table, score, reasons }))
  if (!root) {
    return { candidates: shown, tables: [], questions: [whichRoot(candidates)], options: undefined }
  }
  const columns = tenantColumns(known, root)
  const common = commonColumn(columns, known, root)
  const judgements = judgeTables({
    known,
    root,
    columns,
    common,
    given: answers.tables,
    referrers: referrersOf(known.tables, known),
    keys: keysByUsualName(known.tables),
  })
  const unsure = !answers.root && clear && !clear.familiarName ? [isItTheRoot(clear)] : []
  return {
    candidates: shown,
    tables: judgements.map((each) => ({
      table: known.shortName(each.table),
      kind: each.options?.kind,
      column: each.column,
      through: each.through,
      confidence: each.confidence,
      reasons: each.reasons,
      alternatives: (each.choices ?? []).map((choice) => choice.options),
    })),
    questions: [...unsure, ...judgements.flatMap((each) => questionAbout(each, known))],
    options: proposal(known, root, schemas, common, judgements, options),
  }
}

/** The tables that the answers are about. */
function checkedAnswers(
  options: InferOptions,
  known: KnownTables,
  catalogue: Catalogue,
): { readonly root: Root | undefined; readonly tables: ReadonlyMap<Table, TableOptions> } {
  const answers = defineAnswers(options)
  const problems: Problem[] = [...missingSchemas(options.schemas ?? [], catalogue)]
  const found = options.tenantTable === undefined ? undefined : known.find(options.tenantTable, 'tenantTable')
  if (found && 'code' in found) problems.push(found)
  const table = found && 'code' in found ? undefined : found
  const root = table && asRoot(table)
  if (table && !root) {
    problems.push({
      code: 'NO_TENANT_KEY',
      object: `${table.schema}.${table.name}`,
      message: `${table.schema}.${table.name} has no primary key of one column that tenants can be told apart by.`,
      fix: 'Give it one, or name another tenantTable.',
    })
  }
  const tables = namedTables(answers, options.tenantTable ?? '', known, table, problems)
  if (problems.length === 0) return { root, tables }
  throw new TenantryError({
    code: 'TENANCY_DOES_NOT_FIT',
    message: `The options do not fit the database "${catalogue.database.name}":\n${problems.map(({ message, fix }) => `- ${message} ${fix}`).join('\n')}`,
    problems,
  })
}

function whichRoot(candidates: readonly ScoredRoot[]): Question {
  const [first] = candidates
  return {
    table: undefined,
    question: first
      ? `Which table has one row a tenant? It may be ${candidates.map(({ table }) => table).join(', ')}, or the database may not be divided among tenants yet.`
      : 'No table looks as if it had one row a tenant. Which one is it? If there is none, make one, and let other tables refer to it.',
    choices: candidates.map(({ table, reasons }) => ({
      write: `inferTenancy(catalogue, { tenantTable: ${quoted(table)} })`,
      means: reasons.join('; '),
    })),
  }
}

function isItTheRoot({ table, reasons }: ScoredRoot): Question {
  return {
    table,
    question: `Is ${table} the table with one row a tenant? Its name does not say so.`,
    choices: [
      { write: `inferTenancy(catalogue, { tenantTable: ${quoted(table)} })`, means: reasons.join('; ') },
    ],
  }
}

function questionAbout(
  { table, question, choices = [] }: Judgement,
  known: KnownTables,
): readonly Question[] {
  if (question === undefined) return []
  const name = known.shortName(table)
  return [
    {
      table: name,
      question,
      choices: choices.map(({ options, means }) => ({
        write: `${quoted(name)}: ${written(options)}`,
        means,
      })),
    },
  ]
}

function proposal(
  known: KnownTables,
  root: Root,
  schemas: readonly string[],
  common: string | undefined,
  judgements: readonly Judgement[],
  given: InferOptions,
): TenancyOptions {
  const tables = judgements.flatMap((each): [string, TableKind | TableOptions][] =>
    each.options && !isDefault(each, common) ? [[known.shortName(each.table), short(each.options)]] : [],
  )
  const onlyPublic = schemas.length === 1 && schemas[0] === 'public'
  const tenantTable = given.tenantTable ?? known.shortName(root.table)
  return {
    tenantTable,
    ...(common === undefined || common === 'tenant_id' ? {} : { column: common }),
    ...(onlyPublic && !tenantTable.includes('.') ? {} : { schemas }),
    ...(tables.length === 0 ? {} : { tables: Object.fromEntries(tables) }),
  }
}

/** Whether a tenancy takes the table for what it is without being told. */
function isDefault(
  { table, options, confidence, column, given }: Judgement,
  common: string | undefined,
): boolean {
  if (given) return false
  if (options?.kind === 'tenant') return Object.keys(options).length === 1 && column === common
  return options?.kind === 'excluded' && confidence === 'certain' && !hasColumn(table, common)
}

function hasColumn({ columns, extension }: Table, name: string | undefined): boolean {
  return extension === null && columns.some((column) => column.name === name)
}

function short(options: TableOptions): TableKind | TableOptions {
  return Object.keys(options).length === 1 ? options.kind : options
}

/** Options as they are written in a program. */
function written(options: TableOptions): string {
  const entries = Object.entries(options)
  if (entries.length === 1) return quoted(options.kind)
  return `{ ${entries.map(([name, value]) => `${name}: ${valueOf(value)}`).join(', ')} }`
}

function valueOf(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  return Array.isArray(value) ? `[${value.map(valueOf).join(', ')}]` : JSON.stringify(value)
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}
