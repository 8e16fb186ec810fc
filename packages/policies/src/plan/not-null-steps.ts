import type { CheckConstraint, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, ownName, qualified } from '../identifiers.ts'
import type { ResolvedTable } from '../model/resolved-tenancy.ts'
import { dataStep } from './data-step.ts'
import type { PlanContext, Step } from './plan.ts'
import { columnOf, inheritsColumn, tablesBelow, tenantColumn } from './tenant-path.ts'

/**
 * NOT NULL on tenant columns. Online through a check that is validated without a lock against writing, and that PostgreSQL
 * then takes as the proof instead of reading the table under its strongest lock.
 */
export function notNullSteps(context: PlanContext): readonly Step[] {
  const { tenancy, shape } = context
  return tenancy.tenantTables.flatMap((each) => {
    if (each.kind === 'root' || each.kind === 'shared+tenant' || inheritsColumn(context, each)) return []
    if (tenantColumn(each)?.notNull) return leftoverCheck(context, each)
    const unvalidated = tenantColumn(each)?.unvalidatedNotNull
    if (unvalidated) return [validateNotNullStep(context, each, unvalidated)]
    return shape === 'online'
      ? onlineSteps(context, each)
      : [setNotNullStep(context, each, leftover(each) === undefined)]
  })
}

function checkName({ column }: ResolvedTable): string {
  return ownName(column, 'not_null')
}

/** The check as an earlier plan left it. */
function leftover(each: ResolvedTable): CheckConstraint | undefined {
  return each.table.checks.find(({ name, inherited }) => name === checkName(each) && !inherited)
}

function onlineSteps(context: PlanContext, each: ResolvedTable): readonly Step[] {
  const { table, column } = each
  const earlier = leftover(each)
  const add = dataStep({
    id: `${displayName(table)}: check ${column}`,
    phase: 'backfill',
    statements: [addCheck(each, `CHECK (${identifier(column)} IS NOT NULL) NOT VALID`)],
    undo: [dropCheck(each)],
    reason: `From now on no row of ${displayName(table)} is written without a tenant.`,
    lock: 'ACCESS EXCLUSIVE',
    tables: [table, ...tablesBelow(context, each)],
  })
  const validate = dataStep({
    id: `${displayName(table)}: validate the check of ${column}`,
    phase: 'backfill',
    statements: [`ALTER TABLE ${qualified(table)} VALIDATE CONSTRAINT ${identifier(checkName(each))}`],
    undo: earlier ? [addCheck(each, earlier.definition)] : [],
    reason: 'Reads the rows that were there before, while others read and write.',
    lock: 'SHARE UPDATE EXCLUSIVE',
    tables: [table, ...tablesBelow(context, each)],
    scans: true,
  })
  return [
    ...(earlier ? [] : [add]),
    ...(earlier?.validated ? [] : [validate]),
    setNotNullStep(context, each, false),
  ]
}

/** There is one already that new rows obey; SET NOT NULL would be refused beside it. */
function validateNotNullStep(context: PlanContext, each: ResolvedTable, name: string): Step {
  const { table, column } = each
  const constraint = identifier(name)
  const alter = `ALTER TABLE ${qualified(table)}`
  return dataStep({
    id: `${displayName(table)}: validate ${name}`,
    phase: 'backfill',
    statements: [`${alter} VALIDATE CONSTRAINT ${constraint}`],
    undo: [
      `${alter} DROP CONSTRAINT IF EXISTS ${constraint}, ADD CONSTRAINT ${constraint} NOT NULL ${identifier(column)} NOT VALID`,
    ],
    reason: `Reads the rows of ${displayName(table)} that were there before ${name}, while others read and write.`,
    lock: 'SHARE UPDATE EXCLUSIVE',
    tables: [table, ...tablesBelow(context, each)],
    scans: true,
  })
}

function setNotNullStep(context: PlanContext, each: ResolvedTable, scans: boolean): Step {
  const { table, column } = each
  const earlier = leftover(each)
  return dataStep({
    id: `${displayName(table)}: ${column} not null`,
    phase: 'backfill',
    statements: [
      `ALTER TABLE ${qualified(table)} ALTER COLUMN ${identifier(column)} SET NOT NULL`,
      ...(scans ? [] : [dropCheck(each)]),
    ],
    undo: [...undoNotNull(context, each), ...(earlier ? [addCheck(each, earlier.definition)] : [])],
    reason: `Every row of ${displayName(table)} has a tenant; NULL would escape keys and foreign keys.`,
    lock: 'ACCESS EXCLUSIVE',
    tables: [table, ...tablesBelow(context, each)],
    scans: scans || (earlier !== undefined && !earlier.validated),
  })
}

/**
 * Partitions may have had it before their root, or have it for themselves since their primary keys were made; a column that
 * the plan added goes as a whole.
 */
function undoNotNull(context: PlanContext, each: ResolvedTable): readonly string[] {
  const { table, column } = each
  if (!tenantColumn(each)) return []
  const alter = (target: Table, action: string): string =>
    `ALTER TABLE ${qualified(target)} ALTER COLUMN ${identifier(column)} ${action}`
  return [
    alter(table, 'DROP NOT NULL'),
    ...tablesBelow(context, each).map((below) =>
      alter(below, columnOf(below, column)?.notNull ? 'SET NOT NULL' : 'DROP NOT NULL'),
    ),
  ]
}

/** A plan that was run again after it was done, and cut, can leave it. */
function leftoverCheck(context: PlanContext, each: ResolvedTable): readonly Step[] {
  const { table, column } = each
  const earlier = leftover(each)
  if (!earlier) return []
  return [
    dataStep({
      id: `${displayName(table)}: drop the check of ${column}`,
      phase: 'backfill',
      statements: [dropCheck(each)],
      undo: [addCheck(each, earlier.definition)],
      reason: `${column} is NOT NULL, so that the check which prepared it has nothing to add.`,
      lock: 'ACCESS EXCLUSIVE',
      tables: [table, ...tablesBelow(context, each)],
    }),
  ]
}

function addCheck(each: ResolvedTable, definition: string): string {
  const name = identifier(checkName(each))
  return `ALTER TABLE ${qualified(each.table)} DROP CONSTRAINT IF EXISTS ${name}, ADD CONSTRAINT ${name} ${definition}`
}

function dropCheck(each: ResolvedTable): string {
  return `ALTER TABLE ${qualified(each.table)} DROP CONSTRAINT IF EXISTS ${identifier(checkName(each))}`
}
