import type { Table } from '../catalogue/catalogue.ts'

/** Names of tables with a row a tenant, and how much they say. */
const TENANT_WORDS: ReadonlyMap<string, number> = new Map([
  ['tenant', 40],
  ...['organization', 'organisation', 'org', 'workspace', 'company'].map((word) => [word, 30] as const),
  ...['account', 'team', 'business', 'store', 'shop', 'merchant'].map((word) => [word, 20] as const),
  ...['agency', 'school', 'firm', 'practice', 'clinic', 'franchise'].map((word) => [word, 20] as const),
  ...['customer', 'client', 'site', 'space', 'brand', 'vendor', 'partner', 'institution'].map(
    (word) => [word, 12] as const,
  ),
])

const SHORT_FORMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['organization', ['org', 'organisation']],
  ['organisation', ['org', 'organization']],
  ['org', ['organization', 'organisation']],
  ['account', ['acct']],
  ['workspace', ['ws']],
])

const PEOPLE = new Set([
  'user',
  'person',
  'people',
  'member',
  'employee',
  'contact',
  'profile',
  'identity',
  'login',
])

const REFERENCE_DATA: ReadonlySet<string> = new Set(
  `country continent region state province city timezone locale language currency rate unit plan feature permission
  industry holiday price`.split(/\s+/),
)

const PERSONAL_COLUMN =
  /e_?mail|passw|phone|secret|token|birth|iban|ssn|street|address|first_?name|last_?name/i

/** The words of a name, in lower case, the last one in the singular: `CustomerAccounts` -> `customer`, `account`. */
export function wordsOf(name: string): readonly string[] {
  const words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^\p{Letter}\p{Number}]+/u)
    .filter((word) => word !== '')
  const last = words.pop()
  return last === undefined ? [] : [...words, singular(last)]
}

/** How much a table's name says that its rows are tenants. */
export function tenantWord(name: string): number {
  const words = wordsOf(name)
  const exact = TENANT_WORDS.get(words.at(-1) ?? '') ?? 0
  // `saas_tenants` says as much as `tenants`, `email_accounts` or `bank_accounts` less.
  return words.length === 1 ? exact : Math.floor(exact / 2)
}

/** What a column with the id of a table's rows is usually called. */
export function usualColumnNames(table: string): readonly string[] {
  const words = wordsOf(table)
  const last = words.at(-1) ?? ''
  const stems = [words.join('_'), last, table.toLowerCase(), ...(SHORT_FORMS.get(last) ?? [])]
  const names = stems.flatMap((stem) => [`${stem}_id`, `${camelCase(stem)}Id`, `${stem}_uuid`, `${stem}id`])
  return [...new Set(names)]
}

/** Whether the rows of a table are people, by its name or by what they sign in with. */
export function looksLikePeople({ name, columns }: Table): boolean {
  const byColumns =
    columns.some((column) => /^e_?mail(_address)?$/i.test(column.name)) &&
    columns.some((column) => /passw|last_?(sign|log)_?in|avatar/i.test(column.name))
  return PEOPLE.has(wordsOf(name).at(-1) ?? '') || byColumns
}

/** Whether a table holds what is the same for everybody, by its name. */
export function isReferenceData(name: string): boolean {
  return REFERENCE_DATA.has(wordsOf(name).at(-1) ?? '')
}

/** Columns that hold what is somebody's own. */
export function personalColumns({ columns }: Table): readonly string[] {
  return columns.map(({ name }) => name).filter((name) => PERSONAL_COLUMN.test(name))
}

/** Whether a column says who did something, rather than what a row belongs to. */
export function saysWho(column: string): boolean {
  return /(_by|By)(_?id|Id)?$/.test(column) || /^(creator|author|editor|owner)(_?id|Id)?$/.test(column)
}

function singular(word: string): string {
  if (/(ss|us|is)$/.test(word)) return word
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (/(sses|uses|xes|ches|shes)$/.test(word)) return word.slice(0, -2)
  return word.endsWith('s') ? word.slice(0, -1) : word
}

function camelCase(stem: string): string {
  return stem.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}
