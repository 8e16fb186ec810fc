import type { ResolvedTable, ResolvedTenancy, SharedTable } from '../model/resolved-tenancy.ts'
import type { DesiredGrants } from './grant-changes.ts'
import type { ReachingView } from './view-access.ts'

const READ = ['SELECT']
const WRITE = ['INSERT', 'UPDATE', 'DELETE']

/** Rights on a table with rows of tenants. TRUNCATE, REFERENCES, TRIGGER and MAINTAIN pass policies by, so that nobody keeps them. */
export function tenantTableGrants(tenancy: ResolvedTenancy, model: ResolvedTable): readonly DesiredGrants[] {
  const byColumn = tenancy.tenancy.updateGrants === 'columns'
  return [
    {
      ...application(tenancy),
      wanted: [
        ...READ,
        'INSERT',
        ...(byColumn ? [] : ['UPDATE']),
        // A tenant does not end by its own hand: that takes its rows in all tables with it, or leaves them behind.
        ...(model.kind === 'root' ? [] : ['DELETE']),
      ],
      ...(byColumn ? { wantedColumns: { UPDATE: otherColumns(model) } } : {}),
    },
    everybody([]),
    ...system(tenancy, [...READ, ...WRITE]),
  ]
}

/** Nobody addresses the partitions of a tenant table. */
export function tenantPartitionGrants(tenancy: ResolvedTenancy): readonly DesiredGrants[] {
  return [application(tenancy), everybody([])]
}

/** Rights on a table that all tenants read. */
export function sharedTableGrants(
  tenancy: ResolvedTenancy,
  { writable }: SharedTable,
): readonly DesiredGrants[] {
  const rights = writable ? [...READ, ...WRITE] : READ
  return [
    { ...application(tenancy), wanted: rights },
    everybody(rights),
    ...system(tenancy, [...READ, ...WRITE]),
  ]
}

export function sharedPartitionGrants(
  tenancy: ResolvedTenancy,
  { writable }: SharedTable,
): readonly DesiredGrants[] {
  const rights = writable ? [...READ, ...WRITE] : READ
  return [{ ...application(tenancy), tolerated: rights }, everybody(rights)]
}

/** UPDATE on a sequence allows `setval`, with which one tenant can stop the INSERTs of all. */
export function sequenceGrants(tenancy: ResolvedTenancy, needsUsage: boolean): readonly DesiredGrants[] {
  return [
    {
      ...application(tenancy),
      wanted: needsUsage ? ['USAGE'] : [],
      tolerated: ['SELECT', 'USAGE'],
    },
    everybody(['SELECT', 'USAGE']),
    ...system(tenancy, needsUsage ? ['USAGE'] : []),
  ]
}

export function viewGrants(tenancy: ResolvedTenancy, reaching: ReachingView): readonly DesiredGrants[] {
  const { view, reachesTenants, outside, throughMaterialized, invoker } = reaching
  const safe = !reachesTenants || invoker
  const readable = safe && outside.length === 0 && !(reachesTenants && throughMaterialized)
  // Writing through a view with its owner's rights would pass by what is granted on a shared table.
  const tolerated = invoker ? [...READ, ...WRITE] : safe && view.kind === 'view' ? READ : []
  const wanted = readable ? READ : []
  return [
    { ...application(tenancy), wanted, tolerated },
    everybody(safe ? [...READ, ...tolerated] : []),
    ...system(tenancy, outside.length === 0 ? READ : []),
  ]
}

/** PostgreSQL checks foreign keys as the owner of the table, who needs USAGE for that; CREATE is for its migrations. */
export function schemaGrants(tenancy: ResolvedTenancy): readonly DesiredGrants[] {
  const { owner } = tenancy.tenancy.roles
  return [
    { ...application(tenancy), wanted: ['USAGE'] },
    everybody(['USAGE']),
    ...system(tenancy, ['USAGE']),
    ...(owner === undefined
      ? []
      : [{ grantee: owner, wanted: ['USAGE', 'CREATE'], tolerated: 'all' as const }]),
  ]
}

export function databaseGrants(tenancy: ResolvedTenancy): readonly DesiredGrants[] {
  const others = ['CONNECT', 'TEMPORARY']
  return [
    { ...application(tenancy), wanted: ['CONNECT'], tolerated: others },
    everybody(others),
    ...system(tenancy, ['CONNECT']),
  ]
}

/** Everybody's rights are the application's too. */
export function everybody(tolerated: readonly string[]): DesiredGrants {
  return { grantee: 'public', wanted: [], tolerated }
}

function application({ tenancy }: ResolvedTenancy): DesiredGrants {
  return { grantee: tenancy.roles.app, wanted: [], tolerated: [] }
}

function system({ tenancy }: ResolvedTenancy, wanted: readonly string[]): readonly DesiredGrants[] {
  return tenancy.roles.system === undefined
    ? []
    : [{ grantee: tenancy.roles.system, wanted, tolerated: 'all' }]
}

function otherColumns({ table, column }: ResolvedTable): readonly string[] {
  return table.columns.map(({ name }) => name).filter((name) => name !== column)
}
