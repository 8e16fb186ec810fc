import { TenantryError } from '@tenantry/core'
import { withClient } from './query-as.ts'
import { reasonOf, unavailable } from './provider.ts'
import type { ProvidedServer, ServerRequest } from './provider.ts'

/** A server that already runs. It is left running; the databases made on it are dropped by `stop()`. */
export async function useServerAtUrl(request: ServerRequest): Promise<ProvidedServer> {
  if (request.url === undefined) throw unavailable('TENANTRY_TEST_DATABASE_URL is not set')
  const url = parseServerUrl(request.url)
  try {
    await withClient(url.href, (client) => client.query('select 1'))
  } catch (error) {
    const role = decodeURIComponent(url.username)
    throw unavailable(
      `the server at ${url.hostname}:${url.port || 5432} (role "${role}", from TENANTRY_TEST_DATABASE_URL or the ` +
        `url option) does not take the connection: ${reasonOf(error)}`,
      error,
    )
  }
  return { url: url.href, stop: async () => {} }
}

/**
 * Parses the connection string of a server.
 *
 * @throws {TenantryError} `INVALID_CONFIG` unless it names a host over TCP: the test roles sign in with passwords,
 * which `pg_hba.conf` commonly does not ask for on a Unix socket. The message does not repeat the string, which
 * holds a password.
 */
export function parseServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !/^postgres(ql)?:$/.test(url.protocol) ||
    url.hostname === '' ||
    url.username === ''
  ) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message:
        'The connection string of the test server is not of the form postgres://role:password@host:port/database. ' +
        'Correct TENANTRY_TEST_DATABASE_URL, or the url given in code.',
    })
  }
  if (url.pathname === '' || url.pathname === '/') url.pathname = '/postgres'
  return url
}
