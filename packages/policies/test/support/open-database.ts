import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import { inject } from 'vitest'
import type { Query } from '../../src/query.ts'
import { connected, roleConnections, type RoleQueries, send, type Urls } from './role-connections.ts'

/** A database of a test's own, with one connection for each role, made when it is first used. */
export interface OpenDatabase extends RoleQueries {
  readonly database: TestDatabase
  /** One more connection of a role, for tests in which two meet. */
  connect(role: keyof Urls): Promise<{ query: Query; end(): Promise<void> }>
  close(): Promise<void>
}

/**
 * @param name Part of the database's name, at most 30 of `a-z 0-9 _ -`.
 * @param setup SQL that makes the schema, run as `tenantry_owner`.
 */
export async function openDatabase(name: string, setup?: string): Promise<OpenDatabase> {
  const server = connectToPostgres(inject('postgresUrl'))
  const database = await server.createDatabase({ name, ...(setup === undefined ? {} : { setup }) })
  const { queries, disconnect } = roleConnections(database.urls)
  return {
    database,
    ...queries,
    async connect(role) {
      const own = await connected(database.urls[role])
      return { query: (text, values) => send(own, text, values), end: () => own.end() }
    },
    async close() {
      await disconnect()
      await database.drop()
    },
  }
}
