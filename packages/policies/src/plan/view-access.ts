import type { View } from '../catalogue/catalogue.ts'
import { qualified, sameName, type QualifiedName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import { mayActFor } from './role-reach.ts'
import { modelledTables } from './tenant-relations.ts'

/** The first release whose views can ask their reader's own rights: `security_invoker`. */
export const INVOKER_VIEWS = 150_000

/** A view or materialised view that reaches a modelled table, and what that means. */
export interface ReachingView {
  readonly view: View
  /** Whether rows of tenants show through it. */
  readonly reachesTenants: boolean
  /** What else it reaches: tables that the model excludes or does not know. */
  readonly outside: readonly QualifiedName[]
  /** Whether it shows what a materialised view keeps, which no policy covers. */
  readonly throughMaterialized: boolean
  /** Whether it reads with its reader's rights once the plan is applied, so that policies hold. */
  readonly invoker: boolean
  /** Whether the role that applies the plan may change it. */
  readonly changeable: boolean
}

/** All views that reach a modelled table. */
export function reachingViews(tenancy: ResolvedTenancy): readonly ReachingView[] {
  const { catalogue } = tenancy
  const modelled = new Set(modelledTables(tenancy).map(qualified))
  const ofTenants = new Set(
    tenancy.tenantTables.flatMap(({ table, partitions }) => [table, ...partitions]).map(qualified),
  )
  return catalogue.views
    .filter(({ reaches }) => reaches.some((table) => modelled.has(qualified(table))))
    .map((view) => {
      const reachesTenants = view.reaches.some((table) => ofTenants.has(qualified(table)))
      const changeable = mayActFor(catalogue, view.owner)
      const becomesInvoker = reachesTenants && changeable && catalogue.serverVersion >= INVOKER_VIEWS
      return {
        view,
        reachesTenants,
        outside: view.reaches.filter((table) => !modelled.has(qualified(table))),
        throughMaterialized: view.kind === 'view' && usesMaterialized(catalogue.views, view),
        invoker: view.kind === 'view' && (view.securityInvoker || becomesInvoker),
        changeable,
      }
    })
}

function usesMaterialized(views: readonly View[], view: View): boolean {
  const used = views.filter((other) => view.uses.some((name) => sameName(name, other)))
  return used.some((other) => other.kind === 'materialized' || usesMaterialized(views, other))
}
