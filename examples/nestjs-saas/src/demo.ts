import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { startPostgres, type TestDatabase, type TestPostgres } from '@tenantry/testing'
import { Tokens } from './access/tokens.ts'
import type { Configuration } from './configuration.ts'
import { createApp } from './create-app.ts'
import { migrateDatabase } from './database/migrate-database.ts'
import { seedTenant } from './seed-tenant.ts'

// Once: a second Ctrl-C ends the process at once, and the server with it.
const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort())

/** What an operating system says of a port that cannot be used. */
const PORT_CODES: readonly unknown[] = ['EADDRINUSE', 'EACCES', 'ERR_SOCKET_BAD_PORT']

try {
  await serveUntil(interruption.signal)
} catch (error) {
  process.exitCode = 1
  const { code, message } = error as { code?: unknown; message?: string }
  console.error(PORT_CODES.includes(code) ? `${message}. Choose another PORT.` : error)
}

async function serveUntil(signal: AbortSignal): Promise<void> {
  const server = await startServer()
  try {
    await serve(await server.createDatabase(), signal)
  } finally {
    await server.stop()
  }
}

async function serve({ urls }: TestDatabase, signal: AbortSignal): Promise<void> {
  await migrateDatabase(urls.owner)
  const app = await createApp(configurationOf(urls))
  try {
    await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')
    const { port } = new URL(await app.getUrl())
    const url = `http://localhost:${port}`
    console.log(`${url}/docs, with two companies:\n`)
    for (const [slug, name] of [
      ['porto', 'Porto Legal'],
      ['faroe', 'Faroe Kayaks'],
    ] as const) {
      const { email, password, token } = await seedTenant(app, { slug, name })
      console.log(`# ${name}: ${email}, ${password}
curl http://${slug}.localhost:${port}/projects -H 'authorization: Bearer ${token}'
curl http://${slug}.localhost:${port}/sign-in -H 'content-type: application/json' -d '{"email":"${email}","password":"${password}"}'\n`)
    }
    const operator = await app.get(Tokens).issueForOperator('you')
    console.log(`# Tasks of all companies, for you who operate the service
curl ${url}/reports/tasks -H 'authorization: Bearer ${operator}'
curl ${url}/reports/audit -H 'authorization: Bearer ${operator}'

Ctrl-C ends it, and the database with it.`)
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    await app.close()
  }
}

function configurationOf({ app, system }: TestDatabase['urls']): Configuration {
  return {
    port: 0,
    baseDomain: 'localhost',
    database: { url: app, systemUrl: system, poolSize: 5 },
    tokens: { issuer: 'nestjs-saas', userSecret: randomBytes(32), operatorSecret: randomBytes(32) },
    passwordCost: 2 ** 15,
  }
}

/** The server that npm ships, unless the environment asks for another: see startPostgres. */
function startServer(): Promise<TestPostgres> {
  const asksForAnother = process.env['TENANTRY_TEST_POSTGRES'] || process.env['TENANTRY_TEST_DATABASE_URL']
  return startPostgres(asksForAnother ? {} : { provider: 'embedded' })
}
