import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createTenancy, TenantRequiredError, TenantryError } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { defineTenancy, TenantryError as PolicyError } from '@tenantry/policies'
import { startPostgres } from '@tenantry/testing'
import pg from 'pg'

const tenant = '5f0c5d5e-3b7a-4c8e-9a52-0d6f2b1c7e01'
const tenancy = createTenancy({ tenantId: 'uuid' })
assert.equal(typeof startPostgres, 'function')
assert.equal(
  tenancy.run(tenant, () => tenancy.tenantId()),
  tenant,
)

const pool = new TenantPool({ tenancy })
assert.ok(pool instanceof pg.Pool)
await assert.rejects(pool.query('select 1'), TenantRequiredError)
await pool.end()

// A library may load the CommonJS build beside this ESM one: errors are recognised and the context is shared.
const commonJs = createRequire(import.meta.url)('@tenantry/core')
assert.notEqual(commonJs.createTenancy, createTenancy)
assert.throws(
  () => commonJs.createTenancy({ tenantId: 'uuid' }).tenantId(),
  (error) => TenantryError.isInstance(error),
)

// @tenantry/policies imports no other package, and errors of both are recognised by both.
assert.equal(defineTenancy({ tenantTable: 'tenants' }).column, 'tenant_id')
assert.throws(
  () => defineTenancy({ tenantTable: '' }),
  (error) => TenantryError.isInstance(error) && error.code === 'INVALID_TENANCY',
)
assert.throws(
  () => tenancy.tenantId(),
  (error) => PolicyError.isInstance(error) && error.code === 'TENANT_REQUIRED',
)
