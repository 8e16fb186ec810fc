import type { Column, Index, Table } from '../catalogue/catalogue.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import type { IndexAdvice } from './index-advice.ts'
import { isUsableBelowPolicies } from './usable-types.ts'

/** Indexes that the application cannot use below policies as it could without them. */
export function unusableAdvice(model: ResolvedTable): readonly IndexAdvice[] {
  const { table } = model
  return table.indexes
    .filter((index) => index.valid && !index.inherited)
    .flatMap((index) => {
      const reason = reasonOf(table, index)
      if (reason === undefined) return []
      return [
        {
          table: { schema: table.schema, name: table.name },
          purpose: 'unusable' as const,
          columns: index.columns.filter((name) => name !== null && isSlow(columnOf(table, name))) as string[],
          reason,
          index: index.name,
          statement: null,
          redundant: [],
        },
      ]
    })
}

/** A sentence about the columns of an index that only filter what the others find; undefined if there are none. */
export function comparedSlowly(table: Table, columns: readonly string[]): string | undefined {
  const slow = columns.map((name) => columnOf(table, name)).filter(isSlow)
  if (slow.length === 0) return undefined
  const names = slow.map((column) => `${column?.name} (${column?.type})`).join(', ')
  return (
    `Below a policy, ${names} only filters what the other columns find: PostgreSQL does not trust that comparing such values ` +
    'tells nothing of rows that the policy hides. Put it last, or use text with a check instead.'
  )
}

function reasonOf(table: Table, { columns, method, name }: Index): string | undefined {
  if (method !== 'btree' && method !== 'hash') {
    return (
      `${name} is a ${method} index: below a policy its operators only filter the rows of the tenant, because PostgreSQL does not ` +
      'trust that they tell nothing of rows that the policy hides. A search reads all rows of the tenant.'
    )
  }
  if (columns.includes(null)) {
    return (
      `${name} is on an expression: below a policy, a search by it filters the rows of the tenant and does not use it, because ` +
      'PostgreSQL does not trust that the function tells nothing of rows that the policy hides; not behind the tenant column ' +
      'either. Keep the value in a generated column, and index that one behind the tenant column.'
    )
  }
  return comparedSlowly(
    table,
    columns.filter((column) => column !== null),
  )
}

function isSlow(column: Column | undefined): boolean {
  return column !== undefined && !isUsableBelowPolicies(column.baseType)
}

function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name)
}
