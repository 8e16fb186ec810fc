import type { Policy, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { OWN_POLICIES } from './desired-policies.ts'
import type { Note } from './plan.ts'
import { bypassesRowSecurity, rolesInherited } from './role-reach.ts'
import { sharedRelations, tenantRelations, type TenantRelation } from './tenant-relations.ts'

/** What policies of other names do beside Tenantry's, which they outlive. */
export function policyNotes(tenancy: ResolvedTenancy): readonly Note[] {
  return [
    ...tenantRelations(tenancy).flatMap((relation) =>
      relation.table.policies
        .filter(({ name }) => !OWN_POLICIES.has(name))
        .map((policy) => policyNote(tenancy, relation, policy)),
    ),
    ...sharedNotes(tenancy),
  ]
}

function policyNote(tenancy: ResolvedTenancy, relation: TenantRelation, policy: Policy): Note {
  const { table } = relation
  const explained = policy.permissive
    ? explainPermissive(tenancy, relation, policy)
    : explainRestrictive(tenancy, policy)
  const dormant = table.rowSecurity
    ? ''
    : ' It has had no effect so far, because row level security is off on the table; the plan switches it on.'
  return {
    object: `policy ${policy.name} on ${displayName(table)}`,
    effect: explained.effect,
    message: explained.message + dormant,
    fix: `DROP POLICY ${identifier(policy.name)} ON ${qualified(table)}`,
  }
}

type Explanation = Pick<Note, 'effect' | 'message'>

/** Permissive policies are joined by OR, and then by AND with the floor, which holds for everybody. */
function explainPermissive(
  tenancy: ResolvedTenancy,
  { table, model }: TenantRelation,
  policy: Policy,
): Explanation {
  const { app } = tenancy.tenancy.roles
  const rows =
    model.kind === 'shared+tenant'
      ? 'the rows of the tenant in the setting, and to read, those of no tenant'
      : 'the rows of the tenant in the setting'
  const others = rolesItLetsIn(tenancy, table, policy)
  const forApp = appliesTo(tenancy, policy, app)
    ? ` It adds nothing for ${app}, whom tenantry_allow lets at the same rows already.`
    : ''
  if (others.length === 0) {
    return {
      effect: 'information',
      message: `It is permissive (${conditionsOf(policy)}), but under tenantry_floor nobody gets more than ${rows}.${forApp}`,
    }
  }
  return {
    effect: 'widens',
    message:
      `It lets ${others.join(', ')} ${verbOf(policy)} where it holds (${conditionsOf(policy)}): without it, no policy would. ` +
      `tenantry_floor still keeps that to ${rows}, which any role may set.${forApp}`,
  }
}

function explainRestrictive(tenancy: ResolvedTenancy, policy: Policy): Explanation {
  const { app } = tenancy.tenancy.roles
  if (!appliesTo(tenancy, policy, app)) {
    return {
      effect: 'information',
      message: `It is restrictive for ${policy.roles.join(', ')} (${conditionsOf(policy)}), and does not concern ${app}.`,
    }
  }
  const always = [policy.using, policy.check].every((condition) => condition === null || condition === 'true')
  if (always) {
    return { effect: 'information', message: `It is restrictive, but always true (${conditionsOf(policy)}).` }
  }
  return {
    effect: 'narrows',
    message:
      `It is restrictive: ${app} can ${verbOf(policy)} only those rows of its tenant for which it holds too ` +
      `(${conditionsOf(policy)}).`,
  }
}

/** A shared table has no policies of ours: if row level security is on, others decide what the application reads. */
function sharedNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const { app } = tenancy.tenancy.roles
  return sharedRelations(tenancy)
    .filter(
      ({ rowSecurity, policies }) => rowSecurity && !policies.some(({ name }) => OWN_POLICIES.has(name)),
    )
    .map((table) => ({
      object: displayName(table),
      effect: 'narrows',
      message:
        `It is shared in the model, but row level security is on: ${app} reads only what its policies let through ` +
        `(${table.policies.map(({ name }) => name).join(', ') || 'there are none, so nothing'}).`,
      fix: `ALTER TABLE ${qualified(table)} DISABLE ROW LEVEL SECURITY`,
    }))
}

/** Roles with rights on the table that see rows of it through this policy and not through ours. An owner needs none. */
function rolesItLetsIn(tenancy: ResolvedTenancy, table: Table, policy: Policy): readonly string[] {
  const { app, system, owner } = tenancy.tenancy.roles
  const passedOver = new Set(['public', app, system, owner, table.owner])
  const holders = new Set([...table.grants, ...table.columnGrants].map(({ grantee }) => grantee))
  return [...holders].filter(
    (role) =>
      !passedOver.has(role) &&
      !bypassesRowSecurity(tenancy.catalogue, role) &&
      appliesTo(tenancy, policy, role),
  )
}

function appliesTo({ catalogue }: ResolvedTenancy, policy: Policy, role: string): boolean {
  const inherited = rolesInherited(catalogue, role)
  return policy.roles.some((name) => name === 'public' || inherited.has(name))
}

function verbOf({ command }: Policy): string {
  return command === 'ALL' ? 'read and write' : command.toLowerCase()
}

function conditionsOf({ using, check, command }: Policy): string {
  const parts = [
    ...(using === null ? [] : [`USING ${inParentheses(using)}`]),
    ...(check === null ? [] : [`WITH CHECK ${inParentheses(check)}`]),
  ]
  return `FOR ${command} ${parts.join(' ')}`.trimEnd()
}

function inParentheses(condition: string): string {
  return condition.startsWith('(') ? condition : `(${condition})`
}
