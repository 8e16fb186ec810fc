import { createTenancy } from '@tenantry/core'
import type { Tenancy } from '@tenantry/core'

/** A tenancy of the suite, whatever its type of tenant id. */
export type ConformanceTenancy = Tenancy<string, 'tenantId' | 'userId'>

const settings = { tenantId: 'app.current_tenant_id', userId: 'app.current_user_id' } as const

/** Tenants with UUIDs: nearly every test. */
export const uuidTenancy: ConformanceTenancy = createTenancy({ tenantId: 'uuid', settings })

/** Tenants whose ids are arbitrary text. */
export const textTenancy: ConformanceTenancy = createTenancy({ tenantId: 'text', settings })
