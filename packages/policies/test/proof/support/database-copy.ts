import { connectToPostgres, queryAs, type TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { inject } from 'vitest'
import type { Query, Row } from '../../../src/query.ts'

/** A database of a test's own that can be copied, with one connection for each role, made when it is first used. */
export interface DatabaseCopy {
  readonly name: string
  /** `tenantry_owner`, who owns the tables. */
  readonly owner: Query
  /** `tenantry_app` with nothing set. */
  readonly nobody: Query
  /** Looks past every policy. */
  readonly superuser: Query
  /** `tenantry_app` acting for a tenant: each statement in a transaction of its own that carries the setting. */
  as(tenantId: string): Query
  /** The same, with what the statement did checked in full and then taken back. */
  attempting(tenantId: string): Query
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

type Urls = TestDatabase['urls']

function databaseCopy(database: Pick<TestDatabase, 'name' | 'urls' | 'drop'>): DatabaseCopy {
  const clients = new Map<keyof Urls, Promise<pg.Client>>()
  let copies = 0

  const client = (role: keyof Urls): Promise<pg.Client> => {
    const existing = clients.get(role)
    if (existing) return existing
    const opened = connected(database.urls[role])
    clients.set(role, opened)
    return opened
  }
  const queryOf =
    (role: keyof Urls): Query =>
    async (text, values) =>
      send(await client(role), text, values)
  const disconnect = async (): Promise<void> => {
    const open = [...clients.values()]
    clients.clear()
    for (const each of open) await (await each).end()
  }

  return {
    name: database.name,
    owner: queryOf('owner'),
    nobody: queryOf('app'),
    superuser: queryOf('superuser'),
    as: (tenantId) => async (text, values) => scoped(await client('app'), tenantId, 'COMMIT', text, values),
    attempting: (tenantId) => async (text, values) =>
      scoped(await client('app'), tenantId, 'SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK', text, values),
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

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function scoped(
  client: pg.Client,
  tenantId: string,
  end: string,
  text: string,
  values: readonly unknown[] | undefined,
): Promise<{ rows: readonly Row[] }> {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT set_config('app.current_tenant_id', $1, true)`, [tenantId])
    const result = await send(client, text, values)
    await client.query(end)
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** With the rows of the last statement, if there were several. */
async function send(
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
