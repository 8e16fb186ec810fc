import type { Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { dataStep } from './data-step.ts'
import type { PlanContext, Step } from './plan.ts'
import { columnOf, inheritsColumn, tablesBelow, tenantColumn } from './tenant-path.ts'
import { TENANT_DEFAULT } from './tenant-condition.ts'

/** The tenant column of children, and the default of all tenant columns. */
export function columnSteps(context: PlanContext): readonly Step[] {
  return context.tenancy.tenantTables
    .filter(({ kind }) => kind !== 'root')
    .flatMap((each) => (tenantColumn(each) ? defaultStep(context, each) : addColumnStep(context, each)))
}

function addColumnStep(context: PlanContext, each: ResolvedTable): readonly Step[] {
  const { table, column, path } = each
  if (inheritsColumn(context, each)) return []
  const through = path ? ` through ${path.foreignKey.columns.join(', ')}` : ''
  return [
    dataStep({
      id: `${displayName(table)}: add ${column}`,
      phase: 'expand',
      statements: [
        // Two statements: with a default of its own, the new column would give it to the rows that are there already.
        `ALTER TABLE ${qualified(table)} ADD COLUMN IF NOT EXISTS ${identifier(column)} ${context.tenancy.tenantType}`,
        setDefault(table, column, TENANT_DEFAULT),
      ],
      undo: [`ALTER TABLE ${qualified(table)} DROP COLUMN IF EXISTS ${identifier(column)}`],
      reason:
        `Rows of ${displayName(table)} belong to a tenant only${through}. Policies, keys and foreign keys need it in the row ` +
        'itself; the default spares inserts from naming it.',
      lock: 'ACCESS EXCLUSIVE',
      tables: [table, ...tablesBelow(context, each)],
      note: 'Code that reads all columns by position, such as INSERT without a list of columns, sees one more.',
    }),
  ]
}

function defaultStep(context: PlanContext, resolved: ResolvedTable): readonly Step[] {
  const { table, column, partitions } = resolved
  const below = tablesBelow(context, resolved)
  const different = [table, ...partitions].filter((each) => {
    const existing = columnOf(each, column)
    return existing && !existing.generated && !existing.identity && existing.default !== TENANT_DEFAULT
  })
  if (different.length === 0) return []
  return [
    dataStep({
      id: `${displayName(table)}: default of ${column}`,
      phase: 'expand',
      statements: [setDefault(table, column, TENANT_DEFAULT)],
      // On a partitioned table it also changes those of the partitions, each of which may have had its own.
      undo: [table, ...below].map((each) =>
        setDefault(each, column, columnOf(each, column)?.default ?? null),
      ),
      reason: `Inserts into ${displayName(table)} need not name the tenant: it is the one of the transaction.`,
      lock: 'ACCESS EXCLUSIVE',
      tables: [table, ...below],
    }),
  ]
}

function setDefault(table: Table, column: string, value: string | null): string {
  const action = value === null ? 'DROP DEFAULT' : `SET DEFAULT ${value}`
  return `ALTER TABLE ${qualified(table)} ALTER COLUMN ${identifier(column)} ${action}`
}
