import { createTenancy } from '@tenantry/core'

/** The application's tenancy: made once, imported wherever it is said for which company work is done. */
export const tenancy = createTenancy({ tenantId: 'uuid' })
