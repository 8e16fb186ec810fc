import type { Policy } from '../catalogue/catalogue.ts'
import { identifier, qualified, type QualifiedName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { ownRows, sharedOrOwnRows, type Expression } from './tenant-condition.ts'
import { columnOf } from './tenant-path.ts'
import type { TenantRelation } from './tenant-relations.ts'

/** A policy as it shall be: as the catalogue would show it, and the SQL of its conditions. */
export interface DesiredPolicy {
  readonly policy: Policy
  readonly usingSql: string | null
  readonly checkSql: string | null
}

/** The names of the policies that are Tenantry's. Policies of any other name belong to somebody else. */
export const OWN_POLICIES: ReadonlySet<string> = new Set([
  'tenantry_allow',
  'tenantry_floor',
  'tenantry_floor_update',
  'tenantry_floor_delete',
])

/** The policies of one table or partition, sorted by name as in the catalogue. */
export function desiredPolicies(
  tenancy: ResolvedTenancy,
  { table, model }: TenantRelation,
): readonly DesiredPolicy[] {
  const { app } = tenancy.tenancy.roles
  const existing = columnOf(table, model.column)
  const own = ownRows(tenancy, model.column, existing)
  if (model.kind !== 'shared+tenant') return [allow(app, own, own), floor('', 'ALL', own, own)]

  const readable = sharedOrOwnRows(tenancy, model.column, existing)
  return [
    allow(app, readable, own),
    floor('', 'ALL', readable, own),
    // A row without tenant is readable, so that USING has to say again which rows may be changed: those of one's own.
    floor('_delete', 'DELETE', own, null),
    floor('_update', 'UPDATE', own, own),
  ]
}

/** `CREATE POLICY`. */
export function createPolicy(
  table: QualifiedName,
  policy: Policy,
  using: string | null,
  check: string | null,
): string {
  return [
    `CREATE POLICY ${identifier(policy.name)} ON ${qualified(table)}`,
    `  AS ${policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${policy.command} TO ${policy.roles.map(roleName).join(', ')}`,
    ...(using === null ? [] : [`  USING (${using})`]),
    ...(check === null ? [] : [`  WITH CHECK (${check})`]),
  ].join('\n')
}

/** A role as SQL. The catalogue writes everybody as `public`, which no role can be called. */
export function roleName(name: string): string {
  return name === 'public' ? 'PUBLIC' : identifier(name)
}

function allow(app: string, using: Expression, check: Expression): DesiredPolicy {
  return desired({ name: 'tenantry_allow', permissive: true, command: 'ALL', roles: [app] }, using, check)
}

function floor(
  suffix: string,
  command: Policy['command'],
  using: Expression,
  check: Expression | null,
): DesiredPolicy {
  return desired(
    { name: `tenantry_floor${suffix}`, permissive: false, command, roles: ['public'] },
    using,
    check,
  )
}

function desired(
  policy: Omit<Policy, 'using' | 'check'>,
  using: Expression,
  check: Expression | null,
): DesiredPolicy {
  return {
    policy: { ...policy, using: using.deparsed, check: check?.deparsed ?? null },
    usingSql: using.sql,
    checkSql: check?.sql ?? null,
  }
}
