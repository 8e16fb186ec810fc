import {
  applyPlan,
  defineTenancy,
  planTenancy,
  readCatalogue,
  type Query,
  type TenancyOptions,
} from '@tenantry/policies'
import type { Client } from 'pg'

/** Plans a tenancy for the database as it is, and applies the plan: what is measured is what users get. */
export async function makeTenancy(superuser: Client, options: TenancyOptions): Promise<void> {
  const query: Query = (text, values) => superuser.query(text, values && [...values])
  const tenancy = defineTenancy(options)
  await applyPlan(query, planTenancy(tenancy, await readCatalogue(query, tenancy)))
}
