import type { Query } from './query-as.ts'
import { queryAs } from './query-as.ts'
import { rolePassword, testRoles } from './roles.ts'
import type { TestRole } from './roles.ts'

/** Connection strings of one database, by whom they sign in as. */
export interface TestDatabaseUrls {
  /** Sees everything, whatever the policies say: for looking at the result from outside. */
  readonly superuser: string
  /** `tenantry_owner`: owns the schemas and tables. Row-level security applies to it where it is forced. */
  readonly owner: string
  /** `tenantry_app`: what the application signs in as; may only what the setup granted it. */
  readonly app: string
  /** `tenantry_system`: BYPASSRLS, and only what the setup granted it. */
  readonly system: string
}

/** A database of a test's own. */
export interface TestDatabase {
  readonly name: string
  readonly urls: TestDatabaseUrls
  /** Runs one statement as the superuser, on a connection of its own: for seeding, and for looking from outside. */
  readonly query: Query
  /** Drops the database, disconnecting whoever is still connected. */
  drop(): Promise<void>
}

/** The connection strings of database `name` on the server whose superuser's connection string is `server`. */
export function databaseUrls(server: URL, name: string): TestDatabaseUrls {
  const base = new URL(server)
  base.pathname = `/${encodeURIComponent(name)}`
  // It carries the run's name (see run-name.ts), which is nobody's business here: tests name their own connections.
  base.searchParams.delete('application_name')
  const signedInAs = (role: TestRole): string => {
    const url = new URL(base)
    url.username = testRoles[role]
    url.password = rolePassword(server, role)
    return url.href
  }
  return {
    superuser: base.href,
    owner: signedInAs('owner'),
    app: signedInAs('app'),
    system: signedInAs('system'),
  }
}

/** The object for a database that exists. */
export function testDatabase(server: URL, name: string, drop: () => Promise<void>): TestDatabase {
  const urls = databaseUrls(server, name)
  return { name, urls, drop, query: (text, values) => queryAs(urls.superuser, text, values) }
}
