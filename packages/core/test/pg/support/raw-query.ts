import pg from 'pg'
import type { TenantPool } from '../../../src/pg/index.ts'

/**
 * Asks something on the very session of a pool's client, past everything that TenantPool does: pg's own `query`, with no
 * prelude. What it shows is what a session was left with.
 */
export async function rawQuery<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  text: string,
): Promise<Row[]> {
  const query = pg.Client.prototype.query as (
    this: pg.ClientBase,
    text: string,
  ) => Promise<pg.QueryResult<Row>>
  return (await query.call(client, text)).rows
}

/** The clients that a pool opens from now on, as its events show them. */
export function clientsOf(pool: TenantPool | pg.Pool): pg.PoolClient[] {
  const clients: pg.PoolClient[] = []
  pool.on('connect', (client) => clients.push(client))
  return clients
}

/** The values of the tests' settings that a session was left with, `''` for none. */
export async function settingsLeft(client: pg.ClientBase): Promise<string[]> {
  const [row] = await rawQuery<{ tenant: string; user: string }>(
    client,
    `select coalesce(current_setting('app.current_tenant_id', true), '') as tenant,
            coalesce(current_setting('app.current_user_id', true), '') as user`,
  )
  return [row?.tenant ?? '?', row?.user ?? '?']
}
