import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTable, ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { countRows, OWN } from './check-queries.ts'
import { carriesTenant, type ForeignKeyChange, foreignKeyChanges } from './foreign-key-changes.ts'
import type { DataCheck, PlanContext } from './plan.ts'
import { childrenToFill, columnJoin, tenantColumn, tenantSource } from './tenant-path.ts'

/**
 * What rows would make a step fail, or belong to nobody. Each can be asked before any step was run and after any. There is
 * none about duplicates: the new keys compare fewer rows with each other than those that they replace.
 */
export function dataChecks(context: PlanContext): readonly DataCheck[] {
  const { tenancy } = context
  return [
    ...tenancy.tenantTables.flatMap(missingTenants),
    ...childrenToFill(context).map(pathlessRows),
    ...tenancy.tenantTables.flatMap((each) => strangersOf(tenancy, each)),
    ...foreignKeyChanges(context).flatMap((change) => [...mixedTenants(change), ...danglingRows(change)]),
  ]
}

function missingTenants(each: ResolvedTable): readonly DataCheck[] {
  const { table, kind, column } = each
  if (kind !== 'tenant' || tenantColumn(each)?.notNull !== false) return []
  return [
    {
      code: 'TENANT_MISSING',
      object: displayName(table),
      sql: countRows(table, [], `${OWN}.${identifier(column)} IS NULL`),
      message: `There are rows whose ${column} is NULL: they would belong to no tenant, and no tenant would see them.`,
      fix: `Set ${column} in those rows, delete them, or declare the table as 'shared+tenant' if all tenants shall read them.`,
    },
  ]
}

function pathlessRows(each: ResolvedTable): DataCheck {
  const { table, path } = each
  const { expression, joins } = tenantSource(each, OWN)
  return {
    code: 'TENANT_UNKNOWN',
    object: displayName(table),
    sql: countRows(table, joins, `${expression} IS NULL`),
    message: `There are rows that lead to no tenant through ${path?.foreignKey.columns.join(', ') ?? 'any foreign key'}.`,
    fix: `Give those rows one to belong to, or delete them. Every row of ${displayName(table)} needs a tenant.`,
  }
}

/** Rows of tenants that there are not, unless a foreign key rules them out or the table is in use with its policies. */
function strangersOf({ root, tenantTables }: ResolvedTenancy, each: ResolvedTable): readonly DataCheck[] {
  const { table, kind, column } = each
  const ruledOut = table.foreignKeys.some(
    (foreignKey) =>
      foreignKey.validated &&
      foreignKey.columns.every((name) => name === column || isNotNull(each, name)) &&
      tenantTables.some(
        (parent) =>
          parent.kind !== 'shared+tenant' &&
          displayName(parent.table) === displayName(foreignKey.references) &&
          carriesTenant(each, parent, foreignKey),
      ),
  )
  if (kind === 'root' || !tenantColumn(each) || table.forceRowSecurity || ruledOut) return []
  const tenant = `${OWN}.${identifier(column)}`
  const known = `SELECT FROM ${qualified(root.table)} AS root WHERE root.${identifier(root.column)} = ${tenant}`
  return [
    {
      code: 'TENANT_UNKNOWN',
      object: displayName(table),
      sql: countRows(table, [], `${tenant} IS NOT NULL AND NOT EXISTS (${known})`),
      message: `There are rows whose ${column} is of no row of ${displayName(root.table)}.`,
      fix: `Delete those rows, or add the tenants that they belong to to ${displayName(root.table)}.`,
    },
  ]
}

function isNotNull({ table }: ResolvedTable, name: string): boolean {
  return table.columns.some((column) => column.name === name && column.notNull)
}

function mixedTenants({ owner, table, parent, old, existing }: ForeignKeyChange): readonly DataCheck[] {
  if (existing?.validated === true) return []
  // The tenant will be taken from where this one leads.
  if (old === owner.path?.foreignKey && !tenantColumn(owner)) return []
  const own = tenantSource(owner, OWN)
  const target = tenantSource(parent, 'target')
  const join = `JOIN ${qualified(parent.table)} AS target ON ${columnJoin(old, OWN, 'target')}`
  return [
    {
      code: 'TENANTS_MIXED',
      object: displayName(table),
      sql: countRows(
        table,
        [...own.joins, join, ...target.joins],
        `${own.expression} <> ${target.expression}`,
      ),
      message: `There are rows of one tenant that lead through ${old.name} to rows of ${displayName(parent.table)} of another.`,
      fix: `Correct ${old.columns.join(', ')} of those rows, or delete them: the foreign key with the tenant refuses them.`,
    },
  ]
}

/** A foreign key that was never validated can have rows which lead nowhere; the one that takes its place is validated. */
function danglingRows({ table, parent, old, existing }: ForeignKeyChange): readonly DataCheck[] {
  if (old.validated || existing?.validated === true) return []
  const target = `SELECT FROM ${qualified(parent.table)} AS target WHERE ${columnJoin(old, OWN, 'target')}`
  const complete = old.columns.map((column) => `${OWN}.${identifier(column)} IS NOT NULL`)
  return [
    {
      code: 'TENANTS_MIXED',
      object: displayName(table),
      sql: countRows(table, [], [...complete, `NOT EXISTS (${target})`].join(' AND ')),
      message: `There are rows that lead through ${old.name}, which was never validated, to no row of ${displayName(parent.table)}.`,
      fix: `Correct ${old.columns.join(', ')} of those rows, or delete them.`,
    },
  ]
}
