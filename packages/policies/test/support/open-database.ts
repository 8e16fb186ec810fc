import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { inject } from 'vitest'
import type { Query, Row } from '../../src/query.ts'

/** A database of a test's own, with one connection for each role, made when it is first used. */
export interface OpenDatabase {
  readonly database: TestDatabase
  /** `tenantry_owner`, who owns the tables: what plans are applied as. */
  readonly owner: Query
  /** `tenantry_app`, without a tenant. */
  readonly app: Query
  /** `tenantry_system`, with BYPASSRLS. */
  readonly system: Query
  /** Looks past every policy. */
  readonly superuser: Query
  /** `tenantry_app` acting for a tenant: each statement in a transaction of its own that carries the setting. */
  as(tenantId: string, setting?: string): Query
  /** One more connection of a role, for tests in which two meet. */
  connect(role: keyof TestDatabase['urls']): Promise<{ query: Query; end(): Promise<void> }>
  close(): Promise<void>
}

/**
 * @param name Part of the database's name, at most 30 of `a-z 0-9 _ -`.
 * @param setup SQL that makes the schema, run as `tenantry_owner`.
 */
export async function openDatabase(name: string, setup?: string): Promise<OpenDatabase> {
  const server = connectToPostgres(inject('postgresUrl'))
  const database = await server.createDatabase({ name, ...(setup === undefined ? {} : { setup }) })
  const clients = new Map<string, Promise<pg.Client>>()

  const client = (role: keyof TestDatabase['urls']): Promise<pg.Client> => {
    const existing = clients.get(role)
    if (existing) return existing
    const opened = open(database.urls[role])
    clients.set(role, opened)
    return opened
  }
  const queryOf =
    (role: keyof TestDatabase['urls']): Query =>
    async (text, values) =>
      run(await client(role), text, values)

  return {
    database,
    owner: queryOf('owner'),
    app: queryOf('app'),
    system: queryOf('system'),
    superuser: queryOf('superuser'),
    as:
      (tenantId, setting = 'app.current_tenant_id') =>
      async (text, values) => {
        const app = await client('app')
        await app.query('begin')
        try {
          await app.query('select set_config($1, $2, true)', [setting, tenantId])
          const result = await run(app, text, values)
          await app.query('commit')
          return result
        } catch (error) {
          await app.query('rollback')
          throw error
        }
      },
    async connect(role) {
      const own = await open(database.urls[role])
      return { query: (text, values) => run(own, text, values), end: () => own.end() }
    },
    async close() {
      for (const opened of clients.values()) await (await opened).end()
      await database.drop()
    },
  }
}

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** With the rows of the last statement, if there were several. */
async function run(
  client: pg.Client,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<{ rows: readonly Row[] }> {
  const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(
    text,
    values && [...values],
  )
  return Array.isArray(result) ? { rows: result.at(-1)?.rows ?? [] } : result
}
