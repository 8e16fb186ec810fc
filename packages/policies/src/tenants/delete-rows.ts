import { identifier } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import type { Query, Row } from '../query.ts'
import { crossingRows, type Part, WHOLE } from './crossing-rows.ts'
import type { DependencyGroup } from './dependency-groups.ts'
import type { Departure } from './prepare-offboarding.ts'
import { type Reference, writesOnDelete } from './references.ts'
import { refusal } from './tenant-snapshot.ts'
import { isTenants, rowsOf } from './tenant-rows.ts'

/** What deleting needs to know besides the tenant. */
export interface Deletion extends Departure {
  readonly batchSize: number
  /** The foreign keys by which other rows can refer to the tenant's. */
  readonly crossing: readonly Reference[]
}

/**
 * Deletes up to a batch of the tenant's rows to which no other row of the same group refers; for the transaction around
 * it. Gives back how many that were.
 *
 * @throws {TenantryError} `OFFBOARDING_REFUSED` if somebody else's row refers to one of them by now.
 */
export async function deleteBatch(
  query: Query,
  deletion: Deletion,
  table: ResolvedTable,
  { references }: DependencyGroup,
): Promise<number> {
  const { tenancy, id, batchSize } = deletion
  const watched = watchedReferences(deletion, [table])
  const conditions = [
    isTenants(tenancy, table, 't'),
    ...references.filter(({ target }) => target === table).map((each) => isUnreferenced(deletion, each)),
  ]
  const { rows: picked } = await query(
    `SELECT t.tableoid::text AS relation, t.ctid::text AS position FROM ${rowsOf(table)} AS t ` +
      `WHERE ${conditions.join(' AND ')} LIMIT ${batchSize}${watched.length > 0 ? ' FOR UPDATE OF t' : ''}`,
    [id],
  )
  if (picked.length === 0) return 0
  const part = pickedRows(table, picked)
  await requireUntouched(query, deletion, watched, part)
  const { rows } = await query(
    `WITH gone AS (DELETE FROM ${rowsOf(table)} AS t WHERE ${isTenants(tenancy, table, 't')} ` +
      `AND ${part.condition} RETURNING 1) SELECT count(*)::text AS rows FROM gone`,
    [id, ...part.values],
  )
  return Number(rows[0]?.['rows'])
}

/**
 * Deletes all rows that the tenant has left in a group, with one statement: only then may rows that refer to each other
 * in a circle go, because PostgreSQL checks foreign keys when the statement has ended.
 */
export async function deleteGroup(
  query: Query,
  deletion: Deletion,
  { tables }: DependencyGroup,
): Promise<ReadonlyMap<ResolvedTable, number>> {
  const { tenancy, id } = deletion
  const watched = watchedReferences(deletion, tables)
  for (const table of new Set(watched.map(({ target }) => target))) {
    await query(
      `SELECT count(*) FROM (SELECT FROM ${rowsOf(table)} AS t WHERE ${isTenants(tenancy, table, 't')} FOR UPDATE) AS locked`,
      [id],
    )
  }
  await requireUntouched(query, deletion, watched, WHOLE)
  const deletes = tables.map(
    (table, at) =>
      `gone_${at} AS (DELETE FROM ${rowsOf(table)} AS t WHERE ${isTenants(tenancy, table, 't')} RETURNING 1)`,
  )
  const counts = tables.map((_, at) => `(SELECT count(*) FROM gone_${at})::text AS rows_${at}`)
  const { rows } = await query(`WITH ${deletes.join(', ')} SELECT ${counts.join(', ')}`, [id])
  return new Map(tables.map((table, at) => [table, Number(rows[0]?.[`rows_${at}`])]))
}

/** Keys through which a deletion would change rows of others. Those without an action are PostgreSQL's to refuse. */
function watchedReferences({ crossing }: Deletion, tables: readonly ResolvedTable[]): readonly Reference[] {
  return crossing.filter((reference) => tables.includes(reference.target) && writesOnDelete(reference))
}

/** The rows are locked by now, so that nobody can refer to them any more, and who did so before is seen. */
async function requireUntouched(
  query: Query,
  { tenancy, id }: Deletion,
  watched: readonly Reference[],
  part: Part,
): Promise<void> {
  for (const reference of watched) {
    const problems = await crossingRows(query, tenancy, reference, id, part)
    if (problems.length > 0) throw refusal('The deletion stopped and can be continued', problems)
  }
}

/** That no row of the tenant, except the row itself, refers to `t` by this key. */
function isUnreferenced(
  { tenancy }: Deletion,
  { source, columns, target, targetColumns }: Reference,
): string {
  if (source === undefined) return 'true'
  const pairs = columns.map(
    (column, at) => `s.${identifier(column)} = t.${identifier(targetColumns[at] ?? '')}`,
  )
  const itself = source === target ? ' AND (s.tableoid, s.ctid) <> (t.tableoid, t.ctid)' : ''
  return (
    `NOT EXISTS (SELECT FROM ${rowsOf(source)} AS s WHERE ${isTenants(tenancy, source, 's')} ` +
    `AND ${pairs.join(' AND ')}${itself})`
  )
}

/** Rows by where they lie. That place may be another row's by now, which is why the tenant is always asked for too. */
function pickedRows({ table }: ResolvedTable, picked: readonly Row[]): Part {
  const list = 'json_to_recordset($2::json) AS picked (relation oid, position tid)'
  const place = `t.ctid = ANY (ARRAY(SELECT position FROM ${list}))`
  // The same place exists in every partition.
  const partition = `(t.tableoid, t.ctid) IN (SELECT relation, position FROM ${list})`
  return {
    condition: table.kind === 'partitioned' ? `${place} AND ${partition}` : place,
    values: [JSON.stringify(picked)],
  }
}
