import { expect } from 'vitest'
import type { Catalogue } from '../../../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../../../src/catalogue/read-catalogue.ts'
import { withoutSizes } from '../../../../src/catalogue/without-sizes.ts'
import { sameName } from '../../../../src/identifiers.ts'
import { defineTenancy } from '../../../../src/model/define-tenancy.ts'
import type { TenancyOptions } from '../../../../src/model/tenancy.ts'
import type { Plan, PlanShape } from '../../../../src/plan/plan.ts'
import { planTenancy } from '../../../../src/plan/plan-tenancy.ts'
import type { Query } from '../../../../src/query.ts'
import { applySteps, applyUnits, undoSteps, unitsOf } from '../../../support/apply-steps.ts'

export interface Model extends Omit<TenancyOptions, 'tenantTable'> {
  readonly tenantTable?: string
}

export const A = 'a0000000-0000-0000-0000-000000000000'
export const B = 'b0000000-0000-0000-0000-000000000000'

/** A schema of one table with two tenants, for what a test adds to it. */
export const tenants = `
  CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL);
  INSERT INTO tenants VALUES ('${A}', 'A'), ('${B}', 'B');
`

export async function catalogueOf(query: Query, model: Model): Promise<Catalogue> {
  const catalogue = await readCatalogue(query, defineTenancy({ tenantTable: 'tenants', ...model }))
  // Roles belong to the whole server, on which other tests make and drop theirs.
  const roles = catalogue.roles.filter(({ name }) => /^(tenantry_(app|owner|system)|postgres)$/.test(name))
  return { ...withoutSizes(catalogue), roles }
}

export async function planFor(query: Query, model: Model, shape: PlanShape): Promise<Plan> {
  return planTenancy(defineTenancy({ tenantTable: 'tenants', ...model }), await catalogueOf(query, model), {
    shape,
  })
}

/** What steps there are still. */
export async function remaining(query: Query, model: Model): Promise<readonly string[]> {
  const steps: string[] = []
  for (const shape of ['offline', 'online'] as const) {
    const plan = await planFor(query, model, shape)
    steps.push(...plan.steps.map(({ id }) => `${shape}: ${id}`))
  }
  return steps
}

/** Applies, plans again, applies once more, takes back, in both shapes, and gives the plans and catalogues they lead to. */
export async function proveBothWays(query: Query, model: Model): Promise<Readonly<Record<PlanShape, Plan>>> {
  const before = await catalogueOf(query, model)
  const ends: Plan[] = []
  for (const shape of ['offline', 'online'] as const) {
    const plan = await planFor(query, model, shape)
    await applySteps(query, plan)
    const end = await planFor(query, model, shape)
    expect(await remaining(query, model)).toEqual([])
    await applySteps(query, plan)
    expect(await catalogueOf(query, model)).toEqual(end.tenancy.catalogue)
    await undoSteps(query, plan)
    expect(await catalogueOf(query, model)).toEqual(before)
    // As after a cut.
    await undoSteps(query, plan)
    expect(await catalogueOf(query, model)).toEqual(before)
    ends.push(end)
  }
  const [offline, online] = ends
  if (!offline || !online) throw new Error('Nothing was planned')
  return { offline, online }
}

/** The keys, and the foreign keys between tenants' rows, that do not carry the tenant. */
export function spanning({ tenancy }: Plan): readonly string[] {
  const scoped = tenancy.tenantTables.filter(({ kind }) => kind !== 'root')
  const names = scoped.flatMap(({ table, partitions, column }) =>
    [table, ...partitions].flatMap((each) => [
      ...each.indexes
        .filter((index) => index.unique || index.constraint?.type === 'exclusion')
        .filter((index) => !index.columns.includes(column))
        .map(({ name }) => name),
      ...each.foreignKeys
        .filter((foreignKey) => scoped.some((other) => sameName(other.table, foreignKey.references)))
        .filter((foreignKey) => !foreignKey.columns.includes(column))
        .map(({ name }) => name),
    ]),
  )
  return names.toSorted((left, right) => (left < right ? -1 : 1))
}

/** Cuts an online plan after units of it, and goes on with the same plan, and with new ones. */
export async function proveCuts(query: Query, model: Model, atMost = Infinity): Promise<readonly number[]> {
  const before = await catalogueOf(query, model)
  const plan = await planFor(query, model, 'online')
  await applySteps(query, plan)
  const end = await catalogueOf(query, model)
  await undoSteps(query, plan)
  const units = unitsOf(plan.steps).length
  const stride = Math.max(1, Math.ceil(units / atMost))
  const cuts = Array.from({ length: units - 1 }, (_, at) => at + 1).filter((cut) => cut % stride === 0)
  for (const cut of cuts) {
    await applyUnits(query, plan, cut)
    await applySteps(query, plan)
    expect(await catalogueOf(query, model), `the same plan after ${cut} units`).toEqual(end)
    await undoSteps(query, plan)
    expect(await catalogueOf(query, model), `taken back after ${cut} units`).toEqual(before)
    for (const shape of ['online', 'offline'] as const) {
      await applyUnits(query, plan, cut)
      const middle = await catalogueOf(query, model)
      const rest = await planFor(query, model, shape)
      await applySteps(query, rest)
      expect(await catalogueOf(query, model), `${shape} plan after ${cut} units`).toEqual(end)
      await undoSteps(query, rest)
      expect(await catalogueOf(query, model), `${shape} plan after ${cut} units taken back`).toEqual(middle)
      await undoSteps(query, plan)
      expect(await catalogueOf(query, model), `both taken back after ${cut} units`).toEqual(before)
    }
  }
  return cuts
}
