import { displayName } from '../identifiers.ts'
import { didYouMean } from '../model/nearest-names.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'

/** The table with rows of tenants that a name stands for, with or without its schema, or the problem with the name. */
export function findTenantTable({ tenantTables }: ResolvedTenancy, name: string): ResolvedTable | Problem {
  const found = tenantTables.filter(({ table }) => table.name === name || displayName(table) === name)
  const [table, another] = found
  if (table && !another) return table
  const names = (table ? found : tenantTables).map((each) => displayName(each.table))
  if (table) {
    return {
      code: 'AMBIGUOUS_NAME',
      object: name,
      message: `"${name}" stands for several tables: ${names.join(' and ')}.`,
      fix: 'Write it with its schema.',
    }
  }
  const known = [...tenantTables.map((each) => each.table.name), ...names]
  return {
    code: 'UNKNOWN_TABLE',
    object: name,
    message: `"${name}" is no table with rows of tenants.${didYouMean(name, known)}`,
    fix: `Name one of ${names.join(', ')}.`,
  }
}
