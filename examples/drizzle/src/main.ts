import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { startPostgres, type TestPostgres } from '@tenantry/testing'
import { createApi } from './api.ts'
import { openDatabase } from './database.ts'
import { migrateDatabase } from './migrate-database.ts'

const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort())

const server = await startServer()
try {
  const database = await server.createDatabase()
  await migrateDatabase(database.urls.owner)
  const db = await openDatabase(database.urls.app)
  const api = createApi(db, randomBytes(32).toString('hex'))
  const address = await api.listen({ port: Number(process.env['PORT'] ?? 3000) })

  const { token } = await createCompany(address, 'Porto Legal')
  await createCompany(address, 'Hamburg Harbour')
  console.log(`Listening on ${address}. Two companies are there; the token of one:

  TOKEN=${token}
  curl ${address}/projects -H "authorization: Bearer $TOKEN"
  curl ${address}/projects -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\
    -d '{"name":"Website","tasks":["Text","Pictures"]}'
  curl ${address}/companies -H 'content-type: application/json' -d '{"name":"Another company"}'

Ctrl-C ends it.`)

  if (!interruption.signal.aborted) await once(interruption.signal, 'abort')
  await api.close()
  await db.$client.end()
} finally {
  await server.stop()
}

/** The server that npm ships, unless the environment asks for another: see startPostgres. */
function startServer(): Promise<TestPostgres> {
  const asksForAnother = process.env['TENANTRY_TEST_POSTGRES'] || process.env['TENANTRY_TEST_DATABASE_URL']
  return startPostgres(asksForAnother ? {} : { provider: 'embedded' })
}

async function createCompany(address: string, name: string): Promise<{ token: string }> {
  const response = await fetch(`${address}/companies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })
  return (await response.json()) as { token: string }
}
