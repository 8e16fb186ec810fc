import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import type { Query, Row } from '../../src/query.ts'

/** The connection strings of a database by role. */
export type Urls = TestDatabase['urls']

/** What a test sends as the roles of one database. */
export interface RoleQueries {
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
  /** The same, with what the statement did checked in full and then taken back. */
  attempting(tenantId: string): Query
}

/** One connection for each role, made when it is first used. */
export interface RoleConnections {
  readonly queries: RoleQueries
  /** Ends all connections, without a word to the server about transactions. They are made anew when they are needed. */
  disconnect(): Promise<void>
}

export function roleConnections(urls: Urls): RoleConnections {
  const clients = new Map<keyof Urls, Promise<pg.Client>>()
  const client = (role: keyof Urls): Promise<pg.Client> => {
    const existing = clients.get(role)
    if (existing) return existing
    const opened = connected(urls[role])
    clients.set(role, opened)
    return opened
  }
  const queryOf =
    (role: keyof Urls): Query =>
    async (text, values) =>
      send(await client(role), text, values)
  const scoped =
    (tenantId: string, setting: string, end: string): Query =>
    async (text, values) => {
      const app = await client('app')
      await app.query('BEGIN')
      try {
        await app.query('SELECT set_config($1, $2, true)', [setting, tenantId])
        const result = await send(app, text, values)
        await app.query(end)
        return result
      } catch (error) {
        await app.query('ROLLBACK')
        throw error
      }
    }
  return {
    queries: {
      owner: queryOf('owner'),
      app: queryOf('app'),
      system: queryOf('system'),
      superuser: queryOf('superuser'),
      as: (tenantId, setting = SETTING) => scoped(tenantId, setting, 'COMMIT'),
      attempting: (tenantId) => scoped(tenantId, SETTING, 'SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK'),
    },
    async disconnect() {
      const open = [...clients.values()]
      clients.clear()
      for (const each of open) await (await each).end()
    },
  }
}

const SETTING = 'app.current_tenant_id'

/** A connection that a test may lose. */
export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** With the rows of the last statement, if there were several. */
export async function send(
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
