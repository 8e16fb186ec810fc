// Reads the rows of a cursor that has a query_timeout, closes it and stays for longer than that.
import pg from 'pg'
import OldCursor from 'pg-cursor-2.10'
import packageOfPg from 'pg/package.json' with { type: 'json' }
import { createTenancy } from '../../../src/index.ts'
import { TenantPool } from '../../../src/pg/index.ts'

const { TENANT = '', APP_URL = '', POOL = '' } = process.env
const tenancy = createTenancy({ tenantId: 'uuid' })
const options = { connectionString: APP_URL, max: 1, query_timeout: 700 }
const pool = POOL === 'TenantPool' ? new TenantPool({ tenancy, ...options }) : new pg.Pool(options)
await tenancy.run(TENANT, async () => {
  const client = await pool.connect()
  const cursor = client.query(new OldCursor<{ n: number }>('select n from generate_series(1, 2) as n'))
  console.log((await cursor.read(5)).length)
  await cursor.close()
  await new Promise((resolve) => setTimeout(resolve, 900))
  client.release()
})
console.log(`survived on ${packageOfPg.version}`)
await pool.end()
