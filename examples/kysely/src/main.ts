import { once } from 'node:events'
import { startPostgres, type TestDatabase, type TestPostgres } from '@tenantry/testing'
import { createApi } from './api.ts'
import { openDatabase } from './database.ts'
import { listen } from './listen.ts'
import { migrate } from './migrate.ts'
import { signUp } from './sign-up.ts'

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
  await migrate(urls.owner)
  const { db, pool } = openDatabase(urls.app)
  try {
    await pool.verify()
    const companies = [await signUp(db, 'Porto Legal'), await signUp(db, 'Faroe Kayaks')]
    const api = await listen(createApi(db), Number(process.env['PORT'] ?? 3000))
    console.log(`${api.url}, with two companies:\n`)
    for (const { name, token } of companies) {
      console.log(`# ${name}
curl ${api.url}/projects -H 'authorization: Bearer ${token}' -d '{"name":"Website of ${name}"}'
curl ${api.url}/projects -H 'authorization: Bearer ${token}'\n`)
    }
    console.log('Ctrl-C ends it, and the database with it.')
    if (!signal.aborted) await once(signal, 'abort')
    await api.close()
  } finally {
    await db.destroy()
  }
}

/** The server that npm ships, unless the environment asks for another: see startPostgres. */
function startServer(): Promise<TestPostgres> {
  const asksForAnother = process.env['TENANTRY_TEST_POSTGRES'] || process.env['TENANTRY_TEST_DATABASE_URL']
  return startPostgres(asksForAnother ? {} : { provider: 'embedded' })
}
