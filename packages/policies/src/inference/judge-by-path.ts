import type { Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import { isNotNull, type Step } from '../model/child-paths.ts'
import type { KnownTables } from '../model/known-tables.ts'
import type { ChildTableOptions } from '../model/tenancy.ts'
import { type Evidence, EXCLUDED, type Judgement, type Option, SHARED } from './judgement.ts'
import { looksLikePeople, saysWho } from './words.ts'

/** What a table looks like whose foreign keys lead to tenants. */
export function judgeByPath(table: Table, ways: readonly Step[], { known }: Evidence): Judgement {
  const [way, why, confidence] = bestWay(table, ways, known)
  const reasons = ways.map((each) => `a foreign key leads from ${described(each)}`)
  if (!way) return inQuestion(table, ways, [...reasons, why])
  return {
    table,
    options: childOptions(way, ways),
    through: way.columns,
    confidence,
    reasons: why === '' ? reasons : [...reasons, why],
    choices: ways.filter((each) => each !== way).map((each) => asChild(each, ways)),
  }
}

type Choice = readonly [way: Step | undefined, why: string, confidence: 'certain' | 'likely' | 'ambiguous']

/** The way that rows belong to their tenant by. All of them lead to the same one unless rows of tenants are mixed up. */
function bestWay(table: Table, ways: readonly Step[], known: KnownTables): Choice {
  const owning = ways.filter(({ columns }) => !columns.some(saysWho))
  const never = owning.filter(({ columns }) => columns.every((column) => isNotNull(table, column)))
  const [only, another] = owning
  if (!only) return [undefined, 'that only says who did something, not whose it is', 'ambiguous']
  const rest = ways.length > 1 ? 'the others only say who did something' : ''
  if (!another && never.length === 1) return [only, rest, ways.length > 1 ? 'likely' : 'certain']
  if (!another && looksLikePeople(table)) {
    return [undefined, `its rows look like people, and ${only.columns.join(', ')} may be NULL`, 'ambiguous']
  }
  if (!another)
    return [only, `${only.columns.join(', ')} may be NULL, in rows whose tenant nobody knows`, 'likely']
  if (never.length === 1) return [never[0], `${columnsOf(never)} alone is never NULL`, 'likely']
  if (never.length === 0) return [undefined, 'each of them may be NULL', 'ambiguous']
  const cascading = never.filter(({ foreignKey }) => foreignKey.onDelete === 'CASCADE')
  if (cascading.length === 1) {
    return [cascading[0], `its rows go when the one that ${columnsOf(cascading)} names goes`, 'likely']
  }
  const nearest = never.filter((each) =>
    never.every((other) => other === each || isAbove(each, other, known)),
  )
  if (nearest.length === 1) {
    return [
      nearest[0],
      `the other ways come by ${displayName(nearest[0]?.parent.table ?? table)} as well`,
      'likely',
    ]
  }
  return [undefined, 'nothing says which of them its rows belong to', 'ambiguous']
}

/** Whether all rows that one way leads to belong to one that the other leads to. */
function isAbove(way: Step, other: Step, known: KnownTables): boolean {
  const above = new Set([other.parent.table])
  for (const table of above) {
    for (const { references } of table.foreignKeys) {
      const target = known.rootOf(references)
      if (target) above.add(target)
    }
  }
  return way.parent.table !== other.parent.table && above.has(way.parent.table)
}

function inQuestion(table: Table, ways: readonly Step[], reasons: readonly string[]): Judgement {
  const others = ways.length > 1 ? [] : [SHARED, EXCLUDED]
  return {
    table,
    options: undefined,
    confidence: 'ambiguous',
    reasons,
    question:
      ways.length > 1
        ? `Through which foreign key do the rows of ${displayName(table)} belong to a tenant?`
        : `Do the rows of ${displayName(table)} belong to a tenant?`,
    choices: [...ways.map((each) => asChild(each, ways)), ...others],
  }
}

function asChild(way: Step, ways: readonly Step[]): Option {
  return {
    options: childOptions(way, ways),
    means: `they belong to the tenant of the ${displayName(way.parent.table)} that ${way.columns.join(', ')} names`,
  }
}

function childOptions(way: Step, ways: readonly Step[]): ChildTableOptions {
  if (ways.length === 1) return { kind: 'child' }
  const same = ways.filter(({ columns }) => JSON.stringify(columns) === JSON.stringify(way.columns))
  if (same.length > 1) return { kind: 'child', through: way.foreignKey.name }
  const [column, ...more] = way.columns
  return { kind: 'child', through: column !== undefined && more.length === 0 ? column : way.columns }
}

function described({ columns, parent }: Step): string {
  return `${columns.join(', ')} to ${displayName(parent.table)}`
}

function columnsOf(ways: readonly Step[]): string {
  return (ways[0]?.columns ?? []).join(', ')
}
