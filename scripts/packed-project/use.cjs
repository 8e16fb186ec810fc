const assert = require('node:assert/strict')
const { createTenancy, TenantRequiredError } = require('@tenantry/core')
const { TenantPool } = require('@tenantry/core/pg')
const { defineTenancy } = require('@tenantry/policies')
const { startPostgres } = require('@tenantry/testing')
const pg = require('pg')

const tenancy = createTenancy({ tenantId: 'bigint' })
assert.equal(typeof startPostgres, 'function')
assert.equal(defineTenancy({ tenantTable: 'tenants' }).column, 'tenant_id')
assert.equal(
  tenancy.run(42, () => tenancy.tenantId()),
  '42',
)

const pool = new TenantPool({ tenancy })
assert.ok(pool instanceof pg.Pool)
void assert.rejects(pool.query('select 1'), TenantRequiredError).finally(() => pool.end())
