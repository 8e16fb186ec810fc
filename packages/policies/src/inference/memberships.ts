import type { Table } from '../catalogue/catalogue.ts'
import { keyOf } from '../model/known-tables.ts'
import type { Evidence } from './judgement.ts'
import { looksLikePeople, wordsOf } from './words.ts'

const MEMBERSHIP_WORDS = new Set([
  'membership',
  'member',
  'role',
  'seat',
  'staff',
  'access',
  'invitation',
  'collaborator',
])

/**
 * The tables that put each table's rows into tenants, such as `memberships (user_id, tenant_id)` for `users`: those with
 * a tenant column and a foreign key, both of which one key spans; or by their name, if people are what they refer to.
 */
export function membershipsByTable({ known, root, columns }: Evidence): ReadonlyMap<Table, readonly Table[]> {
  const found = new Map<Table, readonly Table[]>()
  for (const table of known.tables) {
    const own = (columns.get(keyOf(table)) ?? []).map(({ name }) => name)
    if (own.length === 0) continue
    for (const foreignKey of table.foreignKeys) {
      const target = known.rootOf(foreignKey.references)
      if (!target || target === root.table || target === table || foreignKey.inherited) continue
      // With a tenant of its own it is in no other.
      if (columns.get(keyOf(target))?.some(({ notNull }) => notNull)) continue
      const named = looksLikePeople(target) && MEMBERSHIP_WORDS.has(wordsOf(table.name).at(-1) ?? '')
      if (!named && !isKey(table, own, foreignKey.columns)) continue
      found.set(target, [...new Set([...(found.get(target) ?? []), table])])
    }
  }
  return found
}

/** Whether a unique key consists of a tenant column and the foreign key. */
function isKey(table: Table, tenantColumns: readonly string[], columns: readonly string[]): boolean {
  return table.indexes.some(
    (index) =>
      index.unique &&
      index.columns.length === columns.length + 1 &&
      columns.every((column) => index.columns.includes(column)) &&
      tenantColumns.some((column) => index.columns.includes(column) && !columns.includes(column)),
  )
}
