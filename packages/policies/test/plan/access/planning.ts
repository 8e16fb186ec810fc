import { expect } from 'vitest'
import {
  defineTenancy,
  planTenancy,
  readCatalogue,
  type Catalogue,
  type Plan,
  type PlanShape,
  type Query,
  type TenancyOptions,
} from '../../../src/index.ts'
import { applyPlan, undoPlan } from '../../../src/apply/apply-plan.ts'
import { withoutSizes } from '../../../src/catalogue/without-sizes.ts'

export const SHAPES: readonly PlanShape[] = ['offline', 'online']

/** The plan for the database as it is now. */
export async function planFor(
  query: Query,
  options: TenancyOptions,
  shape: PlanShape = 'offline',
): Promise<Plan> {
  const tenancy = defineTenancy(options)
  return planTenancy(tenancy, await readCatalogue(query, tenancy), { shape })
}

/** What two readings are compared by: without the roles of other tests, which come and go on the same server. */
export async function catalogueFor(query: Query, options: TenancyOptions): Promise<Catalogue> {
  const catalogue = withoutSizes(await readCatalogue(query, defineTenancy(options)))
  const own = Object.values(options.roles ?? {}).filter((role) => !role.startsWith('tenantry_'))
  return { ...catalogue, roles: catalogue.roles.filter(({ name }) => own.includes(name)) }
}

/** Plans and applies. */
export async function apply(
  query: Query,
  options: TenancyOptions,
  shape: PlanShape = 'offline',
): Promise<Plan> {
  const plan = await planFor(query, options, shape)
  await applyPlan(query, plan)
  return plan
}

/**
 * Applies a plan and takes it back: afterwards a plan is empty, the same plan may be applied once more, and undoing it leaves
 * the catalogue as it was. In the end it is applied again.
 */
export async function expectRoundTrip(
  query: Query,
  options: TenancyOptions,
  shape: PlanShape = 'offline',
): Promise<Plan> {
  const before = await catalogueFor(query, options)
  const plan = await apply(query, options, shape)
  await expectPlanned(query, options)
  const planned = await catalogueFor(query, options)
  await applyPlan(query, plan)
  expect(await catalogueFor(query, options)).toEqual(planned)
  await undoPlan(query, plan)
  expect(await catalogueFor(query, options)).toEqual(before)
  await applyPlan(query, plan)
  return plan
}

/** The database is as the model says. */
export async function expectPlanned(query: Query, options: TenancyOptions): Promise<void> {
  const { steps } = await planFor(query, options)
  expect(steps.flatMap(({ id, statements }) => [id, ...statements])).toEqual([])
}

/** What the statement fails with. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    return (error as Error).message
  }
  return 'not refused'
}
