// Uses a pool and leaves it: whether the process ends by itself is up to the pool.
import packageOfPg from 'pg/package.json' with { type: 'json' }
import { createTenancy } from '../../../src/index.ts'
import { TenantPool } from '../../../src/pg/index.ts'

const tenancy = createTenancy({ tenantId: 'uuid' })
const { TENANT = '', APP_URL = '', SYSTEM_URL = '', POOL_OPTIONS = '{}', END = '' } = process.env
const pool = new TenantPool({
  tenancy,
  connectionString: APP_URL,
  system: { connectionString: SYSTEM_URL },
  ...(JSON.parse(POOL_OPTIONS) as object),
})
let removed = 0
pool.on('remove', () => (removed += 1))
process.on('exit', () => console.log(`${removed} removed`))
await tenancy.run(TENANT, () => Promise.all([1, 2, 3].map(() => pool.query('select 1'))))
await tenancy.run(TENANT, () => pool.transaction((client) => client.query('select 1')))
await tenancy.asSystem('a test', () => pool.query('select 1'))
console.log(`used ${packageOfPg.version}`)
if (END !== '') await pool.end()
