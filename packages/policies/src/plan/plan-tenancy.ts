import type { Catalogue } from '../catalogue/catalogue.ts'
import { doesNotFit } from '../model/does-not-fit.ts'
import { resolveTenancy } from '../model/resolve-tenancy.ts'
import type { Tenancy } from '../model/tenancy.ts'
import { accessorSteps } from './accessor-steps.ts'
import { backfillSteps } from './backfill-steps.ts'
import { columnSteps } from './column-steps.ts'
import { dataChecks } from './data-checks.ts'
import { dropForeignKeySteps, foreignKeySteps } from './foreign-key-steps.ts'
import { dropFillSteps, fillSteps } from './fill-steps.ts'
import { forceSteps, liftForceSteps } from './force-steps.ts'
import { grantSteps } from './grant-steps.ts'
import { indexSteps } from './index-steps.ts'
import { keySteps, replaceKeySteps } from './key-steps.ts'
import { notNullSteps } from './not-null-steps.ts'
import { planNotes } from './notes.ts'
import { ownershipSteps } from './ownership-steps.ts'
import { PHASES, type Plan, type PlanContext, type PlanShape, type Step } from './plan.ts'
import { policySteps } from './policy-steps.ts'
import { roleSteps } from './role-steps.ts'
import { takenNames } from './taken-names.ts'
import { viewSteps } from './view-steps.ts'

/** Options of {@link planTenancy}. */
export interface PlanOptions {
  /** `'offline'` by default. */
  readonly shape?: PlanShape
}

/**
 * Everything that a plan can contain, in the order in which it has to happen: what is there before what needs it; rows
 * filled before they are checked; policies before grants, so that no moment lets anybody in without one; and what the
 * old application still uses last.
 */
const builders: readonly ((context: PlanContext) => readonly Step[])[] = [
  // expand
  ownershipSteps,
  roleSteps,
  accessorSteps,
  liftForceSteps,
  columnSteps,
  fillSteps,
  // backfill
  backfillSteps,
  notNullSteps,
  keySteps,
  indexSteps,
  foreignKeySteps,
  // protect
  policySteps,
  viewSteps,
  grantSteps,
  // contract
  dropForeignKeySteps,
  replaceKeySteps,
  dropFillSteps,
  // Last, so that whatever adds foreign keys, here or when it is taken back, sees the rows.
  forceSteps,
]

/**
 * What it takes to bring a database to its tenancy: ordered steps, each with a reason, a risk and its undo. Reads and
 * changes nothing; a database that is as the model says gives no steps.
 *
 * @param tenancy Made by `defineTenancy()`.
 * @param catalogue The database, from `readCatalogue()`.
 * @throws {TenantryError} `TENANCY_DOES_NOT_FIT` with all `problems` if the model does not fit the database.
 *
 * @example
 * ```ts no-run
 * const catalogue = await readCatalogue(query, { schemas: ['public'] })
 * const plan = planTenancy(defineTenancy({ tenantTable: 'tenants' }), catalogue, { shape: 'online' })
 * for (const { reason, statements } of plan.steps) console.log(`-- ${reason}\n${statements.join(';\n')};\n`)
 * ```
 */
export function planTenancy(tenancy: Tenancy, catalogue: Catalogue, options: PlanOptions = {}): Plan {
  const resolved = resolveTenancy(tenancy, catalogue)
  const shape = options.shape ?? 'offline'
  const context: PlanContext = { tenancy: resolved, shape }
  const taken = takenNames(context)
  if (taken.length > 0) throw doesNotFit(catalogue, taken)
  const steps = builders.flatMap((build) => build(context))
  return {
    shape,
    steps: PHASES.flatMap((phase) => steps.filter((step) => step.phase === phase)),
    checks: dataChecks(context),
    notes: planNotes(context),
    tenancy: resolved,
  }
}
