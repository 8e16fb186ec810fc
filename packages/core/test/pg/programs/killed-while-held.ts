// Holds a client on which nobody listens for errors while its backend is killed.
import pg from 'pg'
import { TenantPool } from '../../../src/pg/index.ts'
import { tenancy } from '../support/tenants.ts'

const { TENANT = '', APP_URL = '', ADMIN_URL = '', POOL = '' } = process.env
const options = { connectionString: APP_URL, max: 1 }
const pool: pg.Pool = POOL === 'TenantPool' ? new TenantPool({ tenancy, ...options }) : new pg.Pool(options)
await tenancy.run(TENANT, async () => {
  const client = await pool.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const ended = new Promise((resolve) => (client as unknown as pg.Client).connection.once('end', resolve))
  const administrator = new pg.Client({ connectionString: ADMIN_URL })
  await administrator.connect()
  await administrator.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  await administrator.end()
  await ended
  client.release()
  await pool.query('select 1')
})
console.log('survived')
await pool.end()
