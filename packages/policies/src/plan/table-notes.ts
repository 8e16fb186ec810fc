import type { Table } from '../catalogue/catalogue.ts'
import { displayName, identifier, qualified, sameName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from './plan.ts'
import { bypassesRowSecurity, rolesInherited } from './role-reach.ts'
import { sequencesOf } from './sequences.ts'
import { modelledTables, tenantRelations } from './tenant-relations.ts'

/** What lies beside policies on tables: rules, foreign tables, tables that nobody scopes, shared counters. */
export function tableNotes(tenancy: ResolvedTenancy): readonly Note[] {
  return [
    ...ruleNotes(tenancy),
    ...unscopedNotes(tenancy),
    ...sequenceNotes(tenancy),
    ...temporaryTableNotes(tenancy),
  ]
}

function ruleNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const owner = tenancy.tenancy.roles.owner
  return modelledTables(tenancy).flatMap((table) =>
    table.rules.map((rule) => {
      const actsAs = owner ?? table.owner
      const free = bypassesRowSecurity(tenancy.catalogue, actsAs)
      return {
        object: `rule ${rule} on ${displayName(table)}`,
        effect: free ? ('exposes' as const) : ('narrows' as const),
        message: free
          ? `What it adds to a statement runs as ${actsAs}, whom no policy holds back: it may read and write rows of all tenants.`
          : `What it adds to a statement runs as ${actsAs}, for whom tables of tenants have no row under FORCE.`,
        fix: `DROP RULE ${identifier(rule)} ON ${qualified(table)}`,
      }
    }),
  )
}

/** Tables outside the model on which the application role has rights all the same, if they look like a tenant's. */
function unscopedNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const { catalogue, tenancy: model } = tenancy
  const modelled = modelledTables(tenancy)
  return catalogue.tables
    .filter(
      (table) =>
        table.extension === null &&
        !(modelled.some((other) => sameName(other, table)) && table.kind !== 'foreign') &&
        (table.kind === 'foreign' || table.columns.some(({ name }) => name === model.column)) &&
        heldByApplication(tenancy, table),
    )
    .map((table) => ({
      object: displayName(table),
      effect: 'exposes',
      message:
        table.kind === 'foreign'
          ? `${model.roles.app} has rights on it, and a foreign table cannot have policies: it shows what its server lets through.`
          : `${model.roles.app} has rights on it, and it has a column ${model.column}; but the model excludes it, so that nothing keeps its rows apart.`,
      fix: `REVOKE ALL ON TABLE ${qualified(table)} FROM PUBLIC, ${identifier(model.roles.app)}`,
    }))
}

function heldByApplication(tenancy: ResolvedTenancy, table: Table): boolean {
  const roles = rolesInherited(tenancy.catalogue, tenancy.tenancy.roles.app)
  // Rights on partitions of modelled tables are revoked, of whatever kind they are.
  if (modelledTables(tenancy).some((other) => sameName(other, table))) return false
  return [...table.grants, ...table.columnGrants].some(
    ({ grantee }) => grantee === 'public' || roles.has(grantee),
  )
}

function sequenceNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const counted = tenantRelations(tenancy)
    .filter(({ partition }) => !partition)
    .filter(({ table }) => sequencesOf(tenancy.catalogue, table).length > 0)
    .map(({ table }) => displayName(table))
  if (counted.length === 0) return []
  const shown = counted.slice(0, 5).join(', ')
  const tables = counted.length > 5 ? `${shown} and ${counted.length - 5} more` : shown
  return [
    {
      object: 'sequences',
      effect: 'information',
      message: `${tables} take numbers from sequences that all tenants share: gaps tell a tenant how much the others write.`,
      fix: 'Use random ids (gen_random_uuid()) where that matters',
    },
  ]
}

function temporaryTableNotes({ catalogue, tenancy }: ResolvedTenancy): readonly Note[] {
  const roles = rolesInherited(catalogue, tenancy.roles.app)
  const { grants, name } = catalogue.database
  const may = grants.some(
    ({ grantee, privilege }) => privilege === 'TEMPORARY' && (grantee === 'public' || roles.has(grantee)),
  )
  if (!may) return []
  return [
    {
      object: `database ${name}`,
      effect: 'information',
      message:
        `${tenancy.roles.app} may make temporary tables: one that has the name of a real table hides it from everybody who uses the same ` +
        'pooled connection later.',
      fix: `REVOKE TEMPORARY ON DATABASE ${identifier(name)} FROM PUBLIC, ${identifier(tenancy.roles.app)}`,
    },
  ]
}
