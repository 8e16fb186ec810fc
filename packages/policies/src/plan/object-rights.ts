import type { Sequence, Table } from '../catalogue/catalogue.ts'
import { displayName, qualified, type QualifiedName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import {
  sequenceGrants,
  sharedPartitionGrants,
  sharedTableGrants,
  tenantPartitionGrants,
  tenantTableGrants,
  viewGrants,
} from './desired-grants.ts'
import type { DesiredGrants, GrantTarget } from './grant-changes.ts'
import { sequencesOf } from './sequences.ts'
import { reachingViews, type ReachingView } from './view-access.ts'

/** Something on which the model decides who has which rights. */
export interface ObjectRights {
  readonly name: QualifiedName
  readonly owner: string
  readonly target: GrantTarget
  readonly desired: readonly DesiredGrants[]
  /** What the application role may do with it, as part of a sentence. */
  readonly purpose: string
}

/** Of all modelled tables and their partitions. */
export function tableRights(tenancy: ResolvedTenancy): readonly ObjectRights[] {
  const ofTenants = tenancy.tenantTables.flatMap((model) => [
    tableObject(
      model.table,
      tenantTableGrants(tenancy, model),
      model.kind === 'root'
        ? 'The application role reads, adds and changes tenants, its own one; ending one is not the application’s'
        : 'The application role reads and writes it under its policies',
    ),
    ...model.partitions.map((table) =>
      tableObject(table, tenantPartitionGrants(tenancy), 'The application role goes through the whole table'),
    ),
  ])
  const shared = tenancy.sharedTables.flatMap((model) => [
    tableObject(
      model.table,
      sharedTableGrants(tenancy, model),
      model.writable ? 'All tenants read and write it' : 'All tenants read it, none writes it',
    ),
    ...model.partitions.map((table) =>
      tableObject(
        table,
        sharedPartitionGrants(tenancy, model),
        'The application role goes through the whole table',
      ),
    ),
  ])
  return [...ofTenants, ...shared]
}

/** Of the sequences behind the columns of modelled tables, each once. */
export function sequenceRights(
  tenancy: ResolvedTenancy,
): readonly (ObjectRights & { readonly sequence: Sequence })[] {
  const written = [
    ...tenancy.tenantTables.map(({ table }) => ({ table, writable: true })),
    ...tenancy.sharedTables,
  ]
  const needs = new Map<Sequence, boolean>()
  for (const { table, writable } of written) {
    for (const { sequence, needsUsage } of sequencesOf(tenancy.catalogue, table)) {
      needs.set(sequence, (needs.get(sequence) ?? false) || (needsUsage && writable))
    }
  }
  return [...needs].map(([sequence, needsUsage]) => ({
    name: sequence,
    owner: sequence.owner,
    target: { sql: `SEQUENCE ${qualified(sequence)}`, grants: sequence.grants },
    desired: sequenceGrants(tenancy, needsUsage),
    purpose: `An INSERT takes its numbers from ${displayName(sequence)}`,
    sequence,
  }))
}

/** Of the views that reach modelled tables. */
export function viewRights(
  tenancy: ResolvedTenancy,
): readonly (ObjectRights & { readonly reaching: ReachingView })[] {
  return reachingViews(tenancy).map((reaching) => ({
    name: reaching.view,
    owner: reaching.view.owner,
    target: {
      sql: `TABLE ${qualified(reaching.view)}`,
      grants: reaching.view.grants,
      columnGrants: reaching.view.columnGrants,
    },
    desired: viewGrants(tenancy, reaching),
    purpose: viewPurpose(reaching),
    reaching,
  }))
}

function viewPurpose({ view, reachesTenants, invoker }: ReachingView): string {
  if (!reachesTenants || invoker)
    return 'The application role reads what its own rights and policies let through'
  return view.kind === 'materialized'
    ? 'It keeps rows of all tenants, and a materialised view cannot have policies'
    : 'It reads with the rights of its owner, and views that read with those of their reader need PostgreSQL 15'
}

function tableObject(table: Table, desired: readonly DesiredGrants[], purpose: string): ObjectRights {
  return {
    name: table,
    owner: table.owner,
    target: {
      sql: `TABLE ${qualified(table)}`,
      grants: table.grants,
      columnGrants: table.columnGrants,
    },
    desired,
    purpose,
  }
}
