import type { Policy, Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified } from '../identifiers.ts'
import { accessStep } from './access-step.ts'
import { createPolicy, desiredPolicies, OWN_POLICIES, type DesiredPolicy } from './desired-policies.ts'
import type { PlanContext, Step } from './plan.ts'
import { sharedRelations, tenantRelations } from './tenant-relations.ts'

/**
 * The policies of every table with rows of tenants and of its partitions, and row level security switched on behind them;
 * and none of ours on a shared table, which may have been a tenant table before.
 */
export function policySteps({ tenancy }: PlanContext): readonly Step[] {
  const protecting = tenantRelations(tenancy).map((relation) =>
    protectStep(relation.table, desiredPolicies(tenancy, relation), relation.partition),
  )
  return [...protecting, ...sharedRelations(tenancy).map(unprotectStep)].filter((step) => step !== undefined)
}

function protectStep(table: Table, desired: readonly DesiredPolicy[], partition: boolean): Step | undefined {
  const own = table.policies.filter(({ name }) => OWN_POLICIES.has(name))
  const missing = desired.filter(({ policy }) => !own.some((existing) => samePolicy(existing, policy)))
  const wrong = own.filter((existing) => !desired.some(({ policy }) => samePolicy(existing, policy)))
  if (missing.length === 0 && wrong.length === 0 && table.rowSecurity) return undefined

  const replaced = new Set([...wrong, ...missing.map(({ policy }) => policy)].map(({ name }) => name))
  return accessStep({
    id: `${displayName(table)}: policies`,
    phase: 'protect',
    statements: [
      ...[...replaced].map((name) => dropPolicy(table, name)),
      ...missing.map(({ policy, usingSql, checkSql }) => createPolicy(table, policy, usingSql, checkSql)),
      // Last, so that a table is never without rows for the application in between.
      ...(table.rowSecurity ? [] : [`ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY`]),
    ],
    undo: [
      ...(table.rowSecurity ? [] : [`ALTER TABLE ${qualified(table)} DISABLE ROW LEVEL SECURITY`]),
      ...[...replaced].map((name) => dropPolicy(table, name)),
      ...wrong.map((policy) => createPolicy(table, policy, policy.using, policy.check)),
    ],
    reason: protectReason(table, wrong, partition),
    lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(table)] },
    note:
      'From here on roles other than the application role, the owner and those with BYPASSRLS see no row of it, unless a policy ' +
      'of their own lets them.',
  })
}

function protectReason(table: Table, wrong: readonly Policy[], partition: boolean): string {
  if (wrong.length > 0) {
    const names = wrong.map(({ name }) => name).join(', ')
    return `${displayName(table)} has policies of Tenantry that are not as the model says: ${names}.`
  }
  return partition
    ? `Policies do not pass to partitions: whoever addresses ${displayName(table)} directly would see all tenants.`
    : `The database itself keeps the rows of ${displayName(table)} apart: the application role gets those of its tenant, ` +
        'and no later policy can give anybody more.'
}

/** Our policies would hide rows that all tenants shall read. Policies of others stay, and so does what they rest on. */
function unprotectStep(table: Table): Step | undefined {
  const own = table.policies.filter(({ name }) => OWN_POLICIES.has(name))
  if (own.length === 0) return undefined
  const name = qualified(table)
  const last = own.length === table.policies.length
  const disable = last && table.rowSecurity
  const unforce = last && table.forceRowSecurity
  return accessStep({
    id: `${displayName(table)}: no policies`,
    phase: 'protect',
    statements: [
      ...(unforce ? [`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`] : []),
      ...(disable ? [`ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`] : []),
      ...own.map((policy) => dropPolicy(table, policy.name)),
    ],
    undo: [
      ...own.flatMap((policy) => [
        dropPolicy(table, policy.name),
        createPolicy(table, policy, policy.using, policy.check),
      ]),
      ...(disable ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`] : []),
      ...(unforce ? [`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`] : []),
    ],
    reason: `${displayName(table)} is shared in the model, so that all tenants read all of it; it was a tenant table before.`,
    lock: { mode: 'ACCESS EXCLUSIVE', tables: [displayName(table)] },
  })
}

function dropPolicy(table: Table, name: string): string {
  return `DROP POLICY IF EXISTS ${identifier(name)} ON ${qualified(table)}`
}

function samePolicy(left: Policy, right: Policy): boolean {
  return (
    left.name === right.name &&
    left.permissive === right.permissive &&
    left.command === right.command &&
    left.using === right.using &&
    left.check === right.check &&
    left.roles.length === right.roles.length &&
    left.roles.every((role, position) => role === right.roles[position])
  )
}
