import { TenantryError } from '@tenantry/core'
import { randomBytes } from 'node:crypto'

const PREFIX = 'tenantry_test_'

/**
 * Every test run has a name, which begins the names of its databases: so runs that share a server never touch each
 * other's, a template is never one of yesterday's, and the end of a run can drop whatever any of its processes
 * made. It travels in the server's connection string, as `application_name`, which is all that the processes of a
 * run have in common (and which pg_stat_activity shows).
 */
export function nameRun(server: URL): URL {
  const url = new URL(server)
  url.searchParams.set('application_name', `${PREFIX}${randomBytes(4).toString('hex')}`)
  return url
}

/**
 * The name of the run that a connection string belongs to.
 *
 * @throws {TenantryError} `INVALID_CONFIG` if it does not come from `startPostgres()`.
 */
export function runNameOf(url: URL): string {
  const name = url.searchParams.get('application_name')
  if (name?.startsWith(PREFIX)) return name
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `The connection string for ${url.hostname}:${url.port || 5432} is not the url of a server that startPostgres() ` +
      'returned. Call startPostgres({ url }) once, and connectToPostgres() with the url of what it returns.',
  })
}
