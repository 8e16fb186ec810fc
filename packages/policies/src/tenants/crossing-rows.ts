import { readJson } from '../catalogue/read-json.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'
import { describeReference, type Reference, staysWithinTenant, writesOnDelete } from './references.ts'
import { isTenants, rowsOf } from './tenant-rows.ts'

/** The foreign keys by which rows that are not the tenant's can refer to rows that are. */
export function crossingReferences(references: readonly Reference[]): readonly Reference[] {
  return references.filter((reference) => !staysWithinTenant(reference, references))
}

/** A part of the tenant's rows: a condition about `t`, and its parameters from `$2` on. */
export interface Part {
  readonly condition: string
  readonly values: readonly unknown[]
}

/** All rows of the tenant. */
export const WHOLE: Part = { condition: 'true', values: [] }

/** The problem of rows that are not the tenant's and refer to (a part of) its rows, if there are any. */
export async function crossingRows(
  query: Query,
  tenancy: ResolvedTenancy,
  reference: Reference,
  id: string,
  part: Part = WHOLE,
): Promise<readonly Problem[]> {
  const { source, target, columns, targetColumns, sourceTable } = reference
  const pairs = columns.map(
    (column, at) => `t.${identifier(targetColumns[at] ?? '')} = s.${identifier(column)}`,
  )
  const stranger = source ? `(${isTenants(tenancy, source, 's')}) IS NOT TRUE` : 'true'
  const value = columns.map((column) => `s.${identifier(column)}::text`).join(', ')
  const found = `SELECT concat_ws(', ', ${value}) AS value
    FROM ${source ? rowsOf(source) : qualified(sourceTable)} AS s JOIN ${rowsOf(target)} AS t ON ${pairs.join(' AND ')}
    WHERE ${isTenants(tenancy, target, 't')} AND ${part.condition} AND ${stranger}`
  const rows = await readJson<{ count: number; examples: string[] }>(
    query,
    `SELECT json_build_object('count', (SELECT count(*) FROM (${found}) AS counted), 'examples',
      (SELECT coalesce(json_agg(value), '[]'::json) FROM (${found} LIMIT 5) AS examples))`,
    [id, ...part.values],
  )
  return rows.count === 0 ? [] : [crossingProblem(reference, rows)]
}

function crossingProblem(reference: Reference, rows: NonNullable<Problem['rows']>): Problem {
  const { source, target, onDelete, name } = reference
  const from = describeReference(reference)
  const whose = source ? 'of other tenants, or of none,' : 'of a table outside of the model'
  const consequence = writesOnDelete(reference)
    ? `${onDelete} of "${name}" would change or delete them`
    : `"${name}" would stop the deletion`
  return {
    code: 'TENANTS_MIXED',
    object: from,
    message: `${rows.count} row(s) ${whose} refer to the tenant's rows in ${displayName(target.table)} by ${from}: ${consequence}.`,
    fix: 'Delete these rows, or let them refer to something else or to nothing (NULL), first.',
    rows,
  }
}
