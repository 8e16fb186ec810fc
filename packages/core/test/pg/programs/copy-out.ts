// Copies a table out through a pool: a naive one with its prelude in the same flight.
import { to } from 'pg-copy-streams'
import { NaivePool } from '../support/naive-pool.ts'
import { tenancy } from '../support/tenants.ts'

const { TENANT = '', APP_URL = '' } = process.env
await tenancy.run(TENANT, async () => {
  const client = await new NaivePool({ connectionString: APP_URL, max: 1 }).connect()
  const stream = client.query(to('copy projects to stdout'))
  for await (const chunk of stream) console.log(String(chunk))
  console.log('survived')
})
process.exit()
