import { displayName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import { keyOf, type KnownTables } from './known-tables.ts'
import { nearestNames } from './nearest-names.ts'
import { type KnownKind, leadsToTenant } from './table-kinds.ts'
import type { Tenancy } from './tenancy.ts'

type Kinds = ReadonlyMap<string, KnownKind>

/** A problem for each table that nobody said the kind of, with the kind that it looks like. */
export function missingKinds(tenancy: Tenancy, known: KnownTables, kinds: Kinds): readonly Problem[] {
  return [...kinds.values()]
    .filter(({ kind }) => kind === undefined)
    .map((each) => {
      const { looks, write } = likelyKind(each, tenancy, known, kinds)
      const name = known.shortName(each.table)
      return {
        code: 'KIND_MISSING',
        object: displayName(each.table),
        message:
          `${displayName(each.table)} has no column ${tenancy.column} and no kind, so that nobody knows whose its rows are. ` +
          `${looks}.`,
        fix: `Name it in tables: ${write.map((kind) => `'${name}': ${kind}`).join(' or ')}.`,
      }
    })
}

interface LikelyKind {
  readonly looks: string
  /** What to write in `tables`, the likeliest first. */
  readonly write: readonly string[]
}

function likelyKind({ table }: KnownKind, tenancy: Tenancy, known: KnownTables, kinds: Kinds): LikelyKind {
  if (table.kind === 'foreign') {
    return {
      looks: 'It is a foreign table, whose rows PostgreSQL cannot keep apart',
      write: ["'excluded'", "'shared'"],
    }
  }
  const ownColumn = columnToRoot(table, known, kinds) ?? nearColumn(table, tenancy)
  if (ownColumn !== undefined) {
    return {
      looks: `It seems to name its tenant in ${ownColumn}`,
      write: [`{ kind: 'tenant', column: '${ownColumn}' }`],
    }
  }
  const through = columnsToTenants(table, known, kinds)
  const [only] = through
  if (only !== undefined) {
    const write =
      through.length === 1 ? ["'child'"] : through.map((way) => `{ kind: 'child', through: ${way} }`)
    return { looks: `It reaches tenants through ${through.join(' and ').replaceAll("'", '')}`, write }
  }
  const users = tablesThatReference(table, known, kinds)
  if (users.length > 0) {
    return {
      looks: `It leads to no tenant, and ${users[0] ?? ''} refers to it`,
      write: ["'shared'", "'excluded'"],
    }
  }
  return { looks: 'No foreign key leads from it to a tenant', write: ["'shared'", "'excluded'"] }
}

function columnToRoot(table: KnownKind['table'], known: KnownTables, kinds: Kinds): string | undefined {
  const columns = table.foreignKeys.flatMap(({ columns: [column, ...others], references }) => {
    const target = known.rootOf(references)
    return others.length === 0 && target && kinds.get(keyOf(target))?.kind === 'root' ? (column ?? []) : []
  })
  return new Set(columns).size === 1 ? columns[0] : undefined
}

/** `tenantId` or `tenent_id`, where `tenant_id` is what the tenancy says. */
function nearColumn({ columns }: KnownKind['table'], { column }: Tenancy): string | undefined {
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '')
  const same = columns.find(({ name }) => plain(name) === plain(column))
  return (
    same?.name ??
    nearestNames(
      column,
      columns.filter(({ name }) => Math.abs(name.length - column.length) < 2).map(({ name }) => name),
      1,
    )[0]
  )
}

/** The columns of foreign keys that lead to tenants in the end, each as it is written for `through`. */
function columnsToTenants(table: KnownKind['table'], known: KnownTables, kinds: Kinds): readonly string[] {
  const reaches = (start: KnownKind): boolean => {
    const passed = new Set([keyOf(table)])
    const waiting = [start]
    for (const next of waiting) {
      const key = keyOf(next.table)
      if (passed.has(key)) continue
      if (leadsToTenant(next.kind)) return true
      passed.add(key)
      if (next.kind !== undefined) continue
      for (const { references } of next.table.foreignKeys) waiting.push(...kindOf(references, known, kinds))
    }
    return false
  }
  const ways = table.foreignKeys
    .filter(({ references, inherited }) => !inherited && kindOf(references, known, kinds).some(reaches))
    .map(({ columns }) =>
      columns.length === 1 ? `'${columns[0] ?? ''}'` : `[${columns.map((each) => `'${each}'`).join(', ')}]`,
    )
  return [...new Set(ways)]
}

function kindOf(
  name: { schema: string; name: string },
  known: KnownTables,
  kinds: Kinds,
): readonly KnownKind[] {
  const table = known.rootOf(name)
  const kind = table && kinds.get(keyOf(table))
  return kind ? [kind] : []
}

function tablesThatReference(table: KnownKind['table'], known: KnownTables, kinds: Kinds): readonly string[] {
  return [...kinds.values()]
    .filter(
      (each) =>
        each.table !== table &&
        each.table.foreignKeys.some(({ references }) => known.rootOf(references) === table),
    )
    .map((each) => displayName(each.table))
}
