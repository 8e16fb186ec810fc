import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import { holdsTenantIds } from '../model/tenant-type.ts'
import { type Evidence, EXCLUDED, type Judgement, SHARED } from './judgement.ts'
import { isReferenceData, looksLikePeople, personalColumns } from './words.ts'

const CODE_COLUMN = /^(code|iso.*|name|slug|symbol|abbreviation|locale)$/

/**
 * What a table looks like from which no foreign key leads to a tenant. Only what has the marks of reference data is taken
 * for shared: to be wrong would show one tenant's rows to all.
 */
export function judgeUnreached(
  table: Table,
  ofMany: ReadonlySet<Table>,
  evidence: Evidence,
  passed: ReadonlySet<Table> = new Set(),
): Judgement {
  const { known } = evidence
  const targets = table.foreignKeys.flatMap(({ references }) => known.rootOf(references) ?? [])
  const people = targets.filter((target) => ofMany.has(target) || looksLikePeople(target))
  const others = targets.filter((target) => target !== table && !people.includes(target))
  if (looksLikePeople(table)) return inQuestion(table, 'its rows look like people', evidence)
  if (people[0]) {
    const who = displayName(people[0])
    return inQuestion(table, `it belongs to ${who}, whose rows belong to no one tenant`, evidence)
  }
  const personal = personalColumns(table)
  if (personal.length > 0) return inQuestion(table, `it has ${personal.join(', ')}`, evidence)
  const mark = markOfReferenceData(table)
  if (mark !== undefined) return shared(table, mark, evidence)
  const next = new Set([...passed, table])
  const allShared = others.every(
    (target) =>
      !next.has(target) && judgeUnreached(target, ofMany, evidence, next).options?.kind === 'shared',
  )
  if (others.length > 0 && allShared) {
    return shared(table, `it only leads to ${others.map((other) => displayName(other)).join(', ')}`, evidence)
  }
  return inQuestion(table, 'it has no mark of reference data', evidence)
}

function markOfReferenceData(table: Table): string | undefined {
  if (isReferenceData(table.name)) return 'its name is one of data that is the same for everybody'
  const keys = table.indexes.filter(({ unique, columns }) => unique && columns.length === 1)
  const named = keys.find(({ columns }) => CODE_COLUMN.test(columns[0] ?? ''))
  return named ? `each of its rows is known by a ${named.columns[0] ?? ''} of its own` : undefined
}

function shared(table: Table, mark: string, evidence: Evidence): Judgement {
  const users = referrersOf(table, evidence)
  return {
    table,
    options: SHARED.options,
    confidence: 'likely',
    reasons: ['no foreign key leads from it to a tenant', mark, ...users],
    choices: [EXCLUDED],
  }
}

function inQuestion(table: Table, why: string, evidence: Evidence): Judgement {
  const name = displayName(table)
  return {
    table,
    options: undefined,
    confidence: 'ambiguous',
    reasons: [
      'no foreign key leads from it to a tenant',
      why,
      ...referrersOf(table, evidence),
      ...missingKeys(table, evidence),
    ],
    question: `Whose are the rows of ${name}? If they belong to tenants, it needs a column or a foreign key that says so.`,
    choices: [EXCLUDED, SHARED],
  }
}

function referrersOf(table: Table, { referrers }: Evidence): readonly string[] {
  const names = [...(referrers.get(table) ?? [])]
    .filter((each) => each !== table)
    .map((each) => displayName(each))
  if (names.length === 0) return []
  const list =
    names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  return [`${list} refer${names.length === 1 ? 's' : ''} to it`]
}

/** Columns called like the key of another table, which no foreign key says anything about. */
function missingKeys(table: Table, { keys }: Evidence): readonly string[] {
  const bound = new Set(table.foreignKeys.flatMap(({ columns }) => columns))
  return table.columns
    .filter(({ name }) => !bound.has(name))
    .flatMap((column) =>
      (keys.get(column.name) ?? [])
        .filter((key) => key.table !== table && holdsTenantIds(column, key.tenantType))
        .map(
          (key) =>
            `${column.name} is called like the key of ${displayName(key.table)}, but no foreign key leads there`,
        ),
    )
}
