import { createTenancy } from '@tenantry/core'

/** Whose rows a statement may see, for the whole application. */
export const tenancy = createTenancy({
  tenantId: 'uuid',
  // Signing in happens before there is a tenant: the policy of tenant_slugs shows the slug that is asked for, and no other.
  settings: { slug: 'app.tenant_slug' },
})
