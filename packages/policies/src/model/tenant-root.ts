import type { Column, Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { Problem } from '../problem.ts'
import type { KnownTables } from './known-tables.ts'
import type { Tenancy } from './tenancy.ts'
import { TENANT_TYPES, tenantTypeOf } from './tenant-type.ts'

/** The tenant table, its key, and what tenant ids are cast to. */
export interface TenantRoot {
  readonly table: Table
  readonly column: string
  /** Undefined where there is a problem with it. */
  readonly tenantType: string | undefined
}

/** The tenant table of a tenancy; undefined, with a problem, if there is none such or it has no key to go by. */
export function tenantRoot(
  tenancy: Tenancy,
  known: KnownTables,
  problems: Problem[],
): TenantRoot | undefined {
  const table = known.find(tenancy.tenantTable, 'tenantTable')
  if ('code' in table) {
    problems.push(table)
    return undefined
  }
  if (table.kind === 'foreign') {
    problems.push({
      code: 'UNSUPPORTED_TABLE',
      object: displayName(table),
      message: `The tenant table ${displayName(table)} is a foreign table, which has no keys and no row level security.`,
      fix: 'Keep a table of tenants in this database, and give it as tenantTable.',
    })
  }
  const key = table.indexes.find(({ primary }) => primary)
  const name = key?.columns.length === 1 ? key.columns[0] : undefined
  const column = table.columns.find((each) => each.name === name)
  if (!column) {
    problems.push(noTenantKey(table, key?.columns ?? []))
    return { table, column: '', tenantType: undefined }
  }
  return { table, column: column.name, tenantType: checkedType(tenancy, table, column, problems) }
}

function checkedType(
  tenancy: Tenancy,
  table: Table,
  column: Column,
  problems: Problem[],
): string | undefined {
  const tenantType = tenantTypeOf(column)
  const object = `${displayName(table)}.${column.name}`
  if (tenantType === undefined) {
    problems.push({
      code: 'WRONG_TYPE',
      object,
      message: `The key of the tenant table, ${object}, is of type ${column.type}, by which tenants cannot be told apart.`,
      fix: `Give it one of the types ${TENANT_TYPES}.`,
    })
  } else if (tenancy.tenantId !== undefined && tenancy.tenantId !== tenantType) {
    problems.push({
      code: 'WRONG_TYPE',
      object,
      message: `tenantId is "${tenancy.tenantId}", but the key of the tenant table, ${object}, is of type ${column.type}.`,
      fix: `Give tenantId: '${tenantType}', or leave it out.`,
    })
  }
  return tenantType
}

function noTenantKey(table: Table, columns: readonly (string | null)[]): Problem {
  const object = displayName(table)
  return {
    code: 'NO_TENANT_KEY',
    object,
    message:
      columns.length === 0
        ? `The tenant table ${object} has no primary key, so that nothing names a tenant.`
        : `The primary key of the tenant table ${object} has several columns, ${columns.join(', ')}: a tenant's id is one value.`,
    fix: `Give ${object} a primary key of one column, or name another tenantTable.`,
  }
}
