import type { Table } from '../catalogue/catalogue.ts'
import { isBookkeepingTable } from '../model/bookkeeping-tables.ts'
import { type Step, waysToTenants } from '../model/child-paths.ts'
import { keyOf } from '../model/known-tables.ts'
import type { KnownKind } from '../model/table-kinds.ts'
import type { TableOptions } from '../model/tenancy.ts'
import { judgeByColumn, judgeMembers } from './judge-by-column.ts'
import { judgeByPath } from './judge-by-path.ts'
import { type Evidence, EXCLUDED, type Judgement, SHARED } from './judgement.ts'
import { judgeUnreached } from './judge-unreached.ts'
import { membershipsByTable } from './memberships.ts'

/** What all tables but the root look like, by name. */
export function judgeTables(evidence: Evidence): readonly Judgement[] {
  const memberships = membershipsByTable(evidence)
  const kinds = assumedKinds(evidence, memberships)
  const ways = waysToTenants(evidence.known, kinds)
  const search: Search = { evidence, memberships, ways }
  return evidence.known.tables
    .filter((table) => table !== evidence.root.table)
    .map((table) => judge(table, search))
}

interface Search {
  readonly evidence: Evidence
  readonly memberships: ReadonlyMap<Table, readonly Table[]>
  readonly ways: ReadonlyMap<string, readonly Step[]>
}

function judge(table: Table, { evidence, memberships, ways }: Search): Judgement {
  const given = evidence.given.get(table)
  const columns = evidence.columns.get(keyOf(table)) ?? []
  const members = memberships.get(table)
  const paths = ways.get(keyOf(table)) ?? []
  if (given) return asGiven(table, given, evidence)
  if (table.extension !== null) return excluded(table, `it belongs to the extension ${table.extension}`)
  if (table.kind === 'foreign') return foreign(table)
  if (members) return judgeMembers(table, members, columns, evidence)
  if (columns.length > 0) return judgeByColumn(table, columns, evidence)
  if (isBookkeepingTable(table.name)) return excluded(table, 'a migration tool keeps its books in it')
  if (paths.length > 0) return judgeByPath(table, paths, evidence)
  return judgeUnreached(table, new Set(memberships.keys()), evidence)
}

/** What the tables are taken for while the ways are looked for: all without a tenant of their own could be children. */
function assumedKinds(
  { known, root, columns, common, given }: Evidence,
  memberships: ReadonlyMap<Table, unknown>,
): ReadonlyMap<string, KnownKind> {
  const column = common ?? 'tenant_id'
  return new Map(
    known.tables.map((table): readonly [string, KnownKind] => {
      const options = given.get(table)
      const own = columns.get(keyOf(table))?.[0]?.name
      const none = table.extension !== null || table.kind === 'foreign' || isBookkeepingTable(table.name)
      const looks = own === undefined ? (none ? 'excluded' : 'child') : 'tenant'
      const kind =
        table === root.table ? 'root' : (options?.kind ?? (memberships.has(table) ? 'shared' : looks))
      return [keyOf(table), { table, kind, options, column: kind === 'child' ? column : (own ?? column) }]
    }),
  )
}

function asGiven(table: Table, options: TableOptions, { common }: Evidence): Judgement {
  const own = 'column' in options ? options.column : undefined
  const named = options.kind === 'tenant' || options.kind === 'shared+tenant'
  return {
    table,
    options,
    column: named ? (own ?? common) : own,
    confidence: 'certain',
    reasons: ['it was given as this'],
    given: true,
  }
}

function excluded(table: Table, reason: string): Judgement {
  return { table, options: EXCLUDED.options, confidence: 'certain', reasons: [reason] }
}

function foreign(table: Table): Judgement {
  return {
    table,
    options: undefined,
    confidence: 'ambiguous',
    reasons: ['it is a foreign table, whose rows PostgreSQL cannot keep apart'],
    question: `May every tenant read all of the foreign table ${table.schema}.${table.name}?`,
    choices: [EXCLUDED, SHARED],
  }
}
