import type { Catalogue, Schema } from '../catalogue/catalogue.ts'
import { displayName, identifier } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { accessStep } from './access-step.ts'
import { tenantFunction, TENANTRY_SCHEMA } from './accessor.ts'
import { databaseGrants, everybody, schemaGrants } from './desired-grants.ts'
import {
  grantsFor,
  isUnchanged,
  type DesiredGrants,
  type GrantChanges,
  type GrantTarget,
} from './grant-changes.ts'
import { sequenceRights, tableRights, viewRights, type ObjectRights } from './object-rights.ts'
import type { PlanContext, Step } from './plan.ts'
import { mayActFor } from './role-reach.ts'
import { modelledTables } from './tenant-relations.ts'

/**
 * What the application role needs and no more, and what everybody has is taken back where it passes policies by. After the
 * policies, so that no right is ever held without them.
 */
export function grantSteps({ tenancy }: PlanContext): readonly Step[] {
  const { catalogue } = tenancy
  const views = viewRights(tenancy).filter(({ reaching }) => reaching.changeable)
  const steps = [
    ...schemaRights(tenancy)
      .filter(({ changeable }) => changeable)
      .map(({ id, target, desired, reason, created }) =>
        grantStep(id, grantsFor(catalogue, target, desired), reason, created),
      ),
    tenantFunctionStep(tenancy),
    ...[...tableRights(tenancy), ...sequenceRights(tenancy), ...views].map((rights) =>
      objectStep(catalogue, rights),
    ),
  ]
  return steps.filter((step) => step !== undefined)
}

/** Rights on the database and the schemas: what stands before all that is in them. */
export interface SchemaRights {
  readonly id: string
  readonly object: string
  readonly target: GrantTarget
  readonly desired: readonly DesiredGrants[]
  readonly reason: string
  /** Whether the role that applies the plan may change them. PostgreSQL only warns if not. */
  readonly changeable: boolean
  /** Whether the plan makes it, and undoing the plan takes it away with all rights on it. */
  readonly created: boolean
}

export function schemaRights(tenancy: ResolvedTenancy): readonly SchemaRights[] {
  const { catalogue } = tenancy
  const { database } = catalogue
  const used = new Set(modelledTables(tenancy).map(({ schema }) => schema))
  const schemas = catalogue.schemas.filter(({ name }) => used.has(name) && name !== TENANTRY_SCHEMA)
  return [
    {
      id: `database ${database.name}: grants`,
      object: `database ${database.name}`,
      target: { sql: `DATABASE ${identifier(database.name)}`, grants: database.grants },
      desired: unlessEverybodyHas(database.grants, databaseGrants(tenancy)),
      reason: 'The roles of the model have to be able to connect, and not to create schemas.',
      changeable: mayActFor(catalogue, database.owner),
      created: false,
    },
    ...schemas.map((schema) => rightsOnSchema(tenancy, schema)),
    rightsOnSchema(tenancy, tenantrySchema(tenancy)),
  ]
}

function rightsOnSchema(tenancy: ResolvedTenancy, schema: Schema): SchemaRights {
  return {
    id: `schema ${schema.name}: grants`,
    object: `schema ${schema.name}`,
    target: { sql: `SCHEMA ${identifier(schema.name)}`, grants: schema.grants },
    desired: unlessEverybodyHas(schema.grants, schemaGrants(tenancy)).filter(
      ({ grantee }) => grantee !== schema.owner,
    ),
    reason:
      `The application role uses what is in schema ${schema.name}. Whoever could create objects in it could put others, that run with ` +
      'other people’s rights, in front of those that are meant.',
    changeable: mayActFor(tenancy.catalogue, schema.owner),
    created: !tenancy.catalogue.schemas.some(({ name }) => name === schema.name),
  }
}

function tenantrySchema({ tenancy, catalogue }: ResolvedTenancy): Schema {
  const existing = catalogue.schemas.find(({ name }) => name === TENANTRY_SCHEMA)
  const owner = tenancy.roles.owner ?? existing?.owner ?? catalogue.currentRole
  return { name: TENANTRY_SCHEMA, grants: [], ...existing, owner }
}

/** What everybody has, nobody needs for himself. */
function unlessEverybodyHas(
  grants: GrantTarget['grants'],
  desired: readonly DesiredGrants[],
): readonly DesiredGrants[] {
  const common = grants.filter(({ grantee }) => grantee === 'public').map(({ privilege }) => privilege)
  return desired.map((wanted) => ({
    ...wanted,
    wanted: wanted.wanted.filter((privilege) => !common.includes(privilege)),
    tolerated: wanted.tolerated === 'all' ? 'all' : [...wanted.tolerated, ...wanted.wanted],
  }))
}

/** After the tables' own grants: everybody needs it as long as everybody may insert. */
function tenantFunctionStep(tenancy: ResolvedTenancy): Step | undefined {
  return grantStep(
    'tenantry.tenant_id(): not for everybody',
    grantsFor(tenancy.catalogue, tenantFunction(tenancy).target, [everybody([])]),
    'Only roles that insert into tables of tenants need it, for the default of the tenant column.',
    tenantFunction(tenancy).existing === undefined,
  )
}

/** An owner’s rights are not for others to give: if it is to have fewer, it has to own less. */
function objectStep(
  catalogue: Catalogue,
  { name, owner, target, desired, purpose }: ObjectRights,
): Step | undefined {
  const changes = grantsFor(
    catalogue,
    target,
    desired.filter(({ grantee }) => grantee !== owner),
  )
  const taken =
    changes.revoked.length === 0 ? '' : `; ${changes.revoked.join(', ')} beyond that is taken back`
  return grantStep(`${displayName(name)}: grants`, changes, `${purpose}${taken}.`)
}

function grantStep(id: string, changes: GrantChanges, reason: string, created = false): Step | undefined {
  if (isUnchanged(changes)) return undefined
  return accessStep({
    id,
    phase: 'protect',
    statements: [...changes.revokes, ...changes.grants],
    undo: created ? [] : changes.undo,
    reason,
    ...(changes.revoked.length === 0
      ? {}
      : { note: 'Code that relied on the rights that are taken back fails with "permission denied".' }),
  })
}
