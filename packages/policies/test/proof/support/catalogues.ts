import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../../src/catalogue/read-catalogue.ts'
import { withoutSizes } from '../../../src/catalogue/without-sizes.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import type { TenancyOptions } from '../../../src/model/tenancy.ts'
import { planTenancy } from '../../../src/plan/plan-tenancy.ts'
import type { Plan, PlanShape } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'

/** Other tests make more, with names that begin alike. */
const OWN_ROLES = ['tenantry_app', 'tenantry_owner', 'tenantry_system']

/** The plan for a database as it is. */
export async function planFor(query: Query, options: TenancyOptions, shape: PlanShape): Promise<Plan> {
  const tenancy = defineTenancy(options)
  return planTenancy(tenancy, await readCatalogue(query, tenancy), { shape })
}

/**
 * The catalogue without what differs between two copies of one database: its name, sizes, and roles that belong to the
 * server and that other tests make meanwhile.
 */
export async function comparableCatalogue(query: Query, options: TenancyOptions): Promise<Catalogue> {
  const catalogue = withoutSizes(await readCatalogue(query, defineTenancy(options)))
  return {
    ...catalogue,
    database: { ...catalogue.database, name: '' },
    roles: catalogue.roles.filter(({ name }) => OWN_ROLES.includes(name)),
  }
}
