import type { Table } from '../catalogue/catalogue.ts'
import { displayName, identifier } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { grantsFor } from './grant-changes.ts'
import { schemaRights } from './grant-steps.ts'
import type { Note } from './plan.ts'
import { bypassesRowSecurity, roleNamed, rolesInherited, rolesReachable } from './role-reach.ts'
import { tenantRelations } from './tenant-relations.ts'

/** What roles mean for the tenancy that grants and policies do not settle. */
export function roleNotes(tenancy: ResolvedTenancy): readonly Note[] {
  return [
    ...passwordNotes(tenancy),
    ...membershipNotes(tenancy),
    ...otherRoles(tenancy),
    ...foreignSchemas(tenancy),
  ]
}

/** Rights of predefined roles that pass policies or grants by. Those that reach the server itself are a problem of the model. */
const predefined: ReadonlyMap<string, string> = new Map([
  ['pg_read_all_data', 'reads every table, view and materialised view; policies hold on tables only'],
  ['pg_write_all_data', 'writes every table; policies hold on those of tenants only'],
  ['pg_maintain', 'may lock and rewrite every table'],
  ['pg_signal_backend', 'may end the connections of others'],
  ['pg_monitor', 'sees statements and statistics of others'],
  ['pg_read_all_stats', 'sees statements and statistics of others'],
])

const PAST_POLICIES = new Set(['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])

function passwordNotes({ tenancy, catalogue }: ResolvedTenancy): readonly Note[] {
  const { app, system } = tenancy.roles
  return [app, ...(system === undefined ? [] : [system])]
    .filter((role) => roleNamed(catalogue, role) === undefined)
    .map((role) => ({
      object: `role ${role}`,
      effect: 'information',
      message:
        'The plan makes it without a password, which has no place in a file: set one before anything signs in as it.',
      fix: `\\password ${identifier(role)}`,
    }))
}

/** A right that is inherited cannot be revoked from the one that inherits it. */
function membershipNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const { catalogue } = tenancy
  const { app } = tenancy.tenancy.roles
  return [...rolesReachable(catalogue, app)]
    .filter((role) => role !== app)
    .flatMap((role) => {
      const powers = powersOf(tenancy, role)
      if (powers.length === 0) return []
      const how = rolesInherited(catalogue, app).has(role)
        ? `${app} has all that it may`
        : `${app} can act as it by SET ROLE`
      return [
        {
          object: `role ${role}`,
          effect: 'exposes' as const,
          message: `${how}, and it ${powers.join('; it ')}.`,
          fix: `REVOKE ${identifier(role)} FROM ${identifier(app)}`,
        },
      ]
    })
}

function powersOf(tenancy: ResolvedTenancy, role: string): readonly string[] {
  const { catalogue } = tenancy
  const known = predefined.get(role)
  if (known !== undefined) return [known]
  const relations = tenantRelations(tenancy).map(({ table }) => table)
  const past = relations.filter((table) =>
    [...table.grants, ...table.columnGrants].some(
      ({ grantee, privilege }) => grantee === role && table.owner !== role && PAST_POLICIES.has(privilege),
    ),
  )
  const kept = catalogue.views.filter(
    ({ kind, reaches, grants }) =>
      kind === 'materialized' &&
      grants.some(({ grantee }) => grantee === role) &&
      reaches.some((reached) =>
        relations.some(({ schema, name }) => schema === reached.schema && name === reached.name),
      ),
  )
  return [
    ...(past.length > 0
      ? [`has TRUNCATE, REFERENCES, TRIGGER or MAINTAIN, which pass policies by, on ${listed(past)}`]
      : []),
    ...(kept.length > 0
      ? [`reads ${kept.map(displayName).join(', ')}, which keeps rows of all tenants`]
      : []),
  ]
}

/** The floor holds for every role, and nothing lets any but the application role in. */
function otherRoles(tenancy: ResolvedTenancy): readonly Note[] {
  const { app, system, owner } = tenancy.tenancy.roles
  const tablesOf = new Map<string, Table[]>()
  for (const { table, partition } of tenantRelations(tenancy)) {
    if (partition) continue
    for (const role of new Set([...table.grants, ...table.columnGrants].map(({ grantee }) => grantee))) {
      if (['public', app, system, owner, table.owner].includes(role)) continue
      if (bypassesRowSecurity(tenancy.catalogue, role)) continue
      tablesOf.set(role, [...(tablesOf.get(role) ?? []), table])
    }
  }
  return [...tablesOf]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([role, tables]) => ({
      object: `role ${role}`,
      effect: 'narrows',
      message:
        `It has rights on ${listed(tables)}. Under the policies it sees no row there, unless a policy that is not Tenantry’s lets ` +
        'it, and then only rows of the tenant in the setting.',
      fix: `ALTER ROLE ${identifier(role)} BYPASSRLS, if it shall see all tenants`,
    }))
}

/** What is wrong with rights on the database and the schemas, where whoever applies the plan may not change them. */
function foreignSchemas(tenancy: ResolvedTenancy): readonly Note[] {
  const { app } = tenancy.tenancy.roles
  return schemaRights(tenancy)
    .filter(({ changeable }) => !changeable)
    .flatMap(({ object, target, desired }) => {
      const { revokes, grants } = grantsFor(tenancy.catalogue, target, desired)
      const notes: Note[] = []
      if (revokes.length > 0) {
        notes.push({
          object,
          effect: 'exposes',
          message: `${app} can create objects in it, and so put its own in front of those that others mean; only its owner can take that back.`,
          fix: revokes.join('; '),
        })
      }
      if (grants.length > 0) {
        notes.push({
          object,
          effect: 'narrows',
          message: 'The roles of the model cannot use it yet; only its owner can let them.',
          fix: grants.join('; '),
        })
      }
      return notes
    })
}

/** The first few, and how many more. */
function listed(tables: readonly Table[]): string {
  const shown = tables.slice(0, 5).map(displayName).join(', ')
  return tables.length > 5 ? `${shown} and ${tables.length - 5} more` : shown
}
