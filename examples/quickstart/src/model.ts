import { defineTenancy } from '@tenantry/policies'

/**
 * The database's tenancy: which table has the companies, and what the others are. Those with a column tenant_id need no
 * mention, but for the columns that their queries compare together: each list becomes an index that the tenant leads.
 */
export const model = defineTenancy({
  tenantTable: 'tenants',
  roles: { app: 'tenantry_app', system: 'tenantry_system' },
  tables: {
    projects: { kind: 'tenant', queries: [['owner_id']] },
    tasks: { kind: 'child', queries: [['project_id'], ['assignee_id']] },
  },
})
