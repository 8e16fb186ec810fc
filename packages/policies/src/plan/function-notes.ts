import type { DatabaseFunction } from '../catalogue/catalogue.ts'
import { displayName, qualified, sameName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from './plan.ts'
import { bypassesRowSecurity, rolesInherited } from './role-reach.ts'
import { modelledTables, tenantRelations } from './tenant-relations.ts'

/** Functions that run with other rights than their caller's, where the application role can set them off. */
export function functionNotes(tenancy: ResolvedTenancy): readonly Note[] {
  const callable = tenancy.catalogue.functions.filter(
    (candidate) =>
      candidate.extension === null && candidate.schema !== 'tenantry' && isSetOffBy(tenancy, candidate),
  )
  return callable.flatMap((candidate) => {
    const notes = [definerNote(tenancy, candidate), leakproofNote(candidate)]
    return notes
      .filter((note) => note !== undefined)
      .map((note) => ({ object: signature(candidate), ...note }))
  })
}

type FunctionNote = Omit<Note, 'object'>

function definerNote(tenancy: ResolvedTenancy, candidate: DatabaseFunction): FunctionNote | undefined {
  if (!candidate.securityDefiner) return undefined
  const { owner } = candidate
  const { app } = tenancy.tenancy.roles
  const reachedBy = triggerTables(tenancy, candidate)
  const runs =
    reachedBy.length > 0
      ? `It runs as ${owner} whenever its trigger on ${reachedBy.join(', ')} fires`
      : `${app} may call it, and it runs as ${owner}`
  const hijack = pathIsOpen(candidate)
    ? ' It has no search_path of its own: whoever calls it decides by a temporary table or another schema which tables and functions it means.'
    : ''
  if (bypassesRowSecurity(tenancy.catalogue, owner)) {
    return {
      effect: 'exposes',
      message: `${runs}, whom no policy holds back: it reads and writes rows of all tenants.${hijack}`,
      fix: `ALTER ROUTINE ${routine(candidate)} SECURITY INVOKER`,
    }
  }
  if (!ownsTenantTables(tenancy, owner)) return undefined
  if (hijack !== '') {
    return {
      effect: 'exposes',
      message: `${runs}, who owns tables of tenants and could switch their policies off.${hijack}`,
      fix: `ALTER ROUTINE ${routine(candidate)} SET search_path = pg_catalog, pg_temp`,
    }
  }
  return {
    effect: 'narrows',
    message: `${runs}, the owner of tables of tenants: under FORCE it finds no row of them, without an error.`,
    fix: `ALTER ROUTINE ${routine(candidate)} SECURITY INVOKER`,
  }
}

/** PostgreSQL may run such a function before the policy, on rows that the policy would hide. */
function leakproofNote(candidate: DatabaseFunction): FunctionNote | undefined {
  if (!candidate.leakproof) return undefined
  return {
    effect: 'exposes',
    message:
      'It is marked LEAKPROOF, so that PostgreSQL may run it on rows of other tenants before the policy hides them: an ' +
      'error or a notice from it tells of them.',
    fix: `ALTER ROUTINE ${routine(candidate)} NOT LEAKPROOF`,
  }
}

function isSetOffBy(tenancy: ResolvedTenancy, candidate: DatabaseFunction): boolean {
  const roles = rolesInherited(tenancy.catalogue, tenancy.tenancy.roles.app)
  const mayCall = candidate.grants.some(
    ({ grantee, privilege }) => privilege === 'EXECUTE' && (grantee === 'public' || roles.has(grantee)),
  )
  // A trigger's function runs whether or not one may call it; one that no table has cannot be called.
  return candidate.returns === 'trigger' ? triggerTables(tenancy, candidate).length > 0 : mayCall
}

function triggerTables(tenancy: ResolvedTenancy, candidate: DatabaseFunction): readonly string[] {
  return modelledTables(tenancy)
    .filter(({ triggers }) =>
      triggers.some((trigger) => trigger.enabled && sameName(trigger.function, candidate)),
    )
    .map(displayName)
}

function ownsTenantTables(tenancy: ResolvedTenancy, role: string): boolean {
  const inherited = rolesInherited(tenancy.catalogue, role)
  const { owner } = tenancy.tenancy.roles
  return tenantRelations(tenancy).some(({ table }) => inherited.has(owner ?? table.owner))
}

/** Names in a body in the standard's form were looked up when it was made. */
function pathIsOpen({ settings, body, language }: DatabaseFunction): boolean {
  const bound = language === 'sql' && /^(RETURN|BEGIN ATOMIC)\b/.test(body)
  return !bound && !settings.some((setting) => setting.startsWith('search_path='))
}

function signature(candidate: DatabaseFunction): string {
  return `${displayName(candidate)}(${candidate.arguments})`
}

function routine(candidate: DatabaseFunction): string {
  return `${qualified({ schema: candidate.schema, name: candidate.name })}(${candidate.arguments})`
}
