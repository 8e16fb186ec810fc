import { displayName, identifier, qualified } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Note } from './plan.ts'
import { reachingViews, type ReachingView } from './view-access.ts'

/** Views that a plan leaves to a person, and what those that it changes mean. */
export function viewNotes(tenancy: ResolvedTenancy): readonly Note[] {
  return reachingViews(tenancy).flatMap((reaching) => {
    const note = noteOf(tenancy, reaching)
    return note === undefined ? [] : [{ object: displayName(reaching.view), ...note }]
  })
}

type ViewNote = Omit<Note, 'object'>

function noteOf(tenancy: ResolvedTenancy, reaching: ReachingView): ViewNote | undefined {
  const { view, reachesTenants, outside, throughMaterialized, invoker, changeable } = reaching
  const { app } = tenancy.tenancy.roles
  if (!reachesTenants) return undefined
  const name = qualified(view)
  const readByApplication = [...view.grants, ...view.columnGrants].some(
    ({ grantee }) => grantee === app || grantee === 'public',
  )

  if (!changeable && !invoker) {
    if (!readByApplication) return undefined
    return {
      effect: 'exposes',
      message:
        `It shows rows of all tenants with the rights of its owner, ${view.owner}, and ${app} has rights on it. ` +
        `${tenancy.catalogue.currentRole}, who applies the plan, may not change it.`,
      fix:
        view.kind === 'view' && tenancy.catalogue.serverVersion >= 150_000
          ? `ALTER VIEW ${name} SET (security_invoker = true)`
          : `REVOKE ALL ON TABLE ${name} FROM PUBLIC, ${identifier(app)}`,
    }
  }
  if (view.kind === 'materialized') {
    return {
      effect: 'information',
      message:
        `It keeps rows of all tenants and cannot have policies, so ${app} gets no rights on it. REFRESH reads as its owner, ` +
        `${view.owner}: if policies apply to that role, it becomes empty.`,
      fix: null,
    }
  }
  if (!invoker) {
    return {
      effect: 'information',
      message: `It reads with the rights of its owner, ${view.owner}, and this server has no other kind of view; so ${app} gets no rights on it.`,
      fix: 'Upgrade to PostgreSQL 15 or later and plan again',
    }
  }
  if (outside.length > 0) {
    return {
      effect: 'information',
      message:
        `It also reads ${outside.map(displayName).join(', ')}, on which a plan gives ${app} no rights, and so ${app} cannot ` +
        'read the view.',
      fix: `Give these tables a kind in the model, or: GRANT SELECT ON TABLE ${outside.map(qualified).join(', ')} TO ${identifier(app)}`,
    }
  }
  if (throughMaterialized) {
    return {
      effect: 'information',
      message: `It reads a materialised view that keeps rows of all tenants and on which ${app} has no rights, and so ${app} cannot read it.`,
      fix: null,
    }
  }
  return undefined
}
