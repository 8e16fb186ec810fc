import { createTenancy } from '@tenantry/core'

/**
 * Made once, imported wherever it is said for which company work is done. `tokenHash` is for signing in, before the company
 * is known: a policy shows the one access token that has this hash.
 */
export const tenancy = createTenancy({
  tenantId: 'uuid',
  settings: { tenantId: 'app.current_tenant_id', tokenHash: 'app.token_hash' },
})
