import type { TestDatabase } from '@tenantry/testing'
import type pg from 'pg'

/** The number of the backend that serves a client, or a pool's next statement. */
export async function backendOf(client: pg.ClientBase | pg.Pool): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}

/** Kills backends, as an administrator or a failover would, and waits until they are gone. */
export async function killBackends(database: TestDatabase, ...pids: number[]): Promise<void> {
  await database.query('select pg_terminate_backend(pid, 5000) from unnest($1::int[]) as pid', [pids])
}
