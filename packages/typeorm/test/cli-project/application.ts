import { createTenancy } from '@tenantry/core'
import { TenantDataSource } from '../../src/index.ts'
import { options } from './entities.ts'

const tenancy = createTenancy({ tenantId: 'uuid' })

export default new TenantDataSource({ ...options, url: process.env['DATABASE_URL'] ?? '', tenancy })
