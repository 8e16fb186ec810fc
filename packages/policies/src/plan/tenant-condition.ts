import type { Column } from '../catalogue/catalogue.ts'
import { identifier, literal } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'

/** An expression as we write it, and as `pg_get_expr` gives it back: the way to tell whether a policy is ours still. */
export interface Expression {
  readonly sql: string
  readonly deparsed: string
}

/**
 * The tenant of the running transaction, for policies. `nullif`, because a setting that was local to a transaction is ''
 * afterwards, not NULL. The sub-select makes it one InitPlan: worked out once a statement, usable in an index condition,
 * and the same for all rows even if the statement changes the setting. Written out rather than as a call of
 * `tenantry.tenant_id()`, because PostgreSQL inlines that at every planning, for 14 to 20 µs a statement.
 */
export function currentTenant(tenancy: ResolvedTenancy): Expression {
  const value = settingValue(tenancy)
  return { sql: `(SELECT ${value.sql})`, deparsed: `( SELECT ${value.deparsed} AS "nullif")` }
}

/** What `tenantry.tenant_id()` returns, for defaults of columns, which may not contain a sub-select. */
export function tenantFunctionBody(tenancy: ResolvedTenancy): string {
  return settingValue(tenancy).sql
}

/** The same as `pg_get_function_sqlbody` gives it back, with its RETURN. */
export function deparsedTenantFunctionBody(tenancy: ResolvedTenancy): string {
  return `RETURN ${settingValue(tenancy).deparsed}`
}

/** The default of tenant columns. */
export const TENANT_DEFAULT = 'tenantry.tenant_id()'

/**
 * `column = <the current tenant>`.
 *
 * @param existing The column, if it is there: its type may be another than that of tenant ids.
 */
export function ownRows(tenancy: ResolvedTenancy, column: string, existing?: Column): Expression {
  const tenant = currentTenant(tenancy)
  return {
    sql: `${identifier(column)} = ${tenant.sql}`,
    deparsed: `(${compared(column, existing)} = ${tenant.deparsed})`,
  }
}

/** `column IS NULL OR column = <the current tenant>`: the rows that a tenant reads of a table with shared ones. */
export function sharedOrOwnRows(tenancy: ResolvedTenancy, column: string, existing?: Column): Expression {
  const own = ownRows(tenancy, column, existing)
  return {
    sql: `${identifier(column)} IS NULL OR ${own.sql}`,
    deparsed: `((${identifier(column)} IS NULL) OR ${own.deparsed})`,
  }
}

function settingValue({ tenancy, tenantType }: ResolvedTenancy): Expression {
  const value = `nullif(current_setting(${literal(tenancy.setting)}, true), '')`
  // PostgreSQL doubles quotes, and leaves backslashes as they are: it never writes E''.
  const setting = `'${tenancy.setting.replaceAll("'", "''")}'::text`
  const deparsed = `NULLIF(current_setting(${setting}, true), ''::text)`
  return tenantType === 'text'
    ? { sql: value, deparsed }
    : { sql: `${value}::${tenantType}`, deparsed: `(${deparsed})::${tenantType}` }
}

/** A domain is compared as what it is over, and `character varying` as text: a cast in name only, which indexes do not mind. */
function compared(column: string, existing: Column | undefined): string {
  const name = identifier(column)
  if (existing === undefined) return name
  if (existing.baseType === 'character varying') return `(${name})::text`
  return existing.type === existing.baseType ? name : `(${name})::${existing.baseType}`
}
