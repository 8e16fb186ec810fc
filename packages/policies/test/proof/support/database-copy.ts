import { connectToPostgres, queryAs, type TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { inject } from 'vitest'
import type { Query, Row } from '../../../src/query.ts'
import { roleConnections, type RoleQueries, type Urls } from '../../support/role-connections.ts'

/** A database of a test's own that can be copied, with one connection for each role, made when it is first used. */
export interface DatabaseCopy extends RoleQueries {
  readonly name: string
  /** Ends all connections, without a word to the server about transactions. They are made anew when they are needed. */
  disconnect(): Promise<void>
  /** The same database once more. Ends all connections first, for PostgreSQL copies only what nobody uses. */
  copy(): Promise<DatabaseCopy>
  drop(): Promise<void>
}

/** What fills a template: runs as `tenantry_owner` over one connection. */
export type TemplateSetup = (query: Query) => Promise<void>

/**
 * A copy of a template, which the first caller in the run makes.
 *
 * @param template Stands for the setup; at most 30 of `a-z 0-9 _ -`.
 */
export async function copyOfTemplate(template: string, setup: TemplateSetup): Promise<DatabaseCopy> {
  const server = connectToPostgres(inject('postgresUrl'))
  return databaseCopy(await server.createDatabase({ template, setup: (query) => setup(withRows(query)) }))
}

/** A new database. */
export async function newDatabase(setup: TemplateSetup): Promise<DatabaseCopy> {
  const server = connectToPostgres(inject('postgresUrl'))
  return databaseCopy(await server.createDatabase({ setup: (query) => setup(withRows(query)) }))
}

function withRows(query: (text: string, values?: readonly unknown[]) => Promise<Row[]>): Query {
  return async (text, values) => ({ rows: await query(text, values) })
}

function databaseCopy(database: Pick<TestDatabase, 'name' | 'urls' | 'drop'>): DatabaseCopy {
  const { queries, disconnect } = roleConnections(database.urls)
  let copies = 0
  return {
    name: database.name,
    ...queries,
    disconnect,
    async copy() {
      await disconnect()
      copies += 1
      return databaseCopy(await copied(database, `${database.name}_${copies}`))
    },
    async drop() {
      await disconnect()
      await database.drop()
    },
  }
}

/** In the manner of `server.createDatabase()`, which copies templates only. */
async function copied(
  source: Pick<TestDatabase, 'name' | 'urls'>,
  name: string,
): Promise<Pick<TestDatabase, 'name' | 'urls' | 'drop'>> {
  const server = inject('postgresUrl')
  const database = pg.escapeIdentifier(name)
  await queryAs(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [
    source.name,
  ])
  await queryAs(
    server,
    `CREATE DATABASE ${database} OWNER tenantry_owner TEMPLATE ${pg.escapeIdentifier(source.name)}`,
  )
  await queryAs(
    server,
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
     GRANT CONNECT ON DATABASE ${database} TO tenantry_app, tenantry_system`,
  )
  const urlOf = (role: keyof Urls): string => {
    const url = new URL(source.urls[role])
    url.pathname = `/${encodeURIComponent(name)}`
    return url.href
  }
  return {
    name,
    urls: {
      superuser: urlOf('superuser'),
      owner: urlOf('owner'),
      app: urlOf('app'),
      system: urlOf('system'),
    },
    drop: async () => {
      await queryAs(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    },
  }
}
