import type { Catalogue, Column, Table } from '../catalogue/catalogue.ts'
import { displayName } from '../identifiers.ts'
import type { Plan } from '../plan/plan.ts'
import type { Problem } from '../problem.ts'

/**
 * Where the database is no longer what the plan was made from. Only what the plan itself cannot have done counts, for a
 * plan that was cut off may be applied again: tables and columns that went, came or changed their type.
 */
export function outdated(plan: Plan, now: Catalogue): readonly Problem[] {
  const then = plan.tenancy.catalogue
  const modelled = [...plan.tenancy.tenantTables, ...plan.tenancy.sharedTables].flatMap(
    ({ table, partitions }) => [table, ...partitions],
  )
  const before = new Map(then.tables.map((table) => [displayName(table), table]))
  const after = new Map(now.tables.map((table) => [displayName(table), table]))
  return [
    ...olderServer(then, now),
    ...modelled.flatMap((table) => changedTable(table, after.get(displayName(table)))),
    ...now.tables
      .filter((table) => !before.has(displayName(table)))
      .map((table) => changed(displayName(table), 'It was created after the plan was made.')),
  ]
}

function olderServer(then: Catalogue, now: Catalogue): readonly Problem[] {
  const [planned, found] = [then, now].map(({ serverVersion }) => Math.floor(serverVersion / 10_000))
  return planned !== undefined && found !== undefined && found < planned
    ? [changed('server', `It is PostgreSQL ${found}, and the plan was made for ${planned}.`)]
    : []
}

function changedTable(then: Table, now: Table | undefined): readonly Problem[] {
  const object = displayName(then)
  if (!now) return [changed(object, 'It was there when the plan was made, and is not there any more.')]
  const columns = new Map(now.columns.map((column) => [column.name, column]))
  return then.columns.flatMap((column) =>
    changedColumn(`${object}.${column.name}`, column, columns.get(column.name)),
  )
}

function changedColumn(object: string, then: Column, now: Column | undefined): readonly Problem[] {
  if (!now) return [changed(object, 'It was there when the plan was made, and is not there any more.')]
  if (now.type === then.type) return []
  return [
    changed(object, `It was of type ${then.type} when the plan was made, and is of type ${now.type} now.`),
  ]
}

function changed(object: string, message: string): Problem {
  return {
    code: 'PLAN_OUTDATED',
    object,
    message,
    fix: 'Read the catalogue again with readCatalogue() and make the plan anew with planTenancy().',
  }
}
