import pg from 'pg'
import { endAfterTest } from './open-pool.ts'
import { tenancy } from './tenants.ts'

/**
 * The other obvious way: a session-level `set_config` at each checkout, of the settings that the scope has. Attacked by
 * the tests before TenantPool is.
 */
export class SessionPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>
  override connect(callback: never): never
  override connect(): Promise<pg.PoolClient> {
    const scope = tenancy.current()
    return super.connect().then(async (client) => {
      for (const { key, parameter } of tenancy.settings) {
        const value = scope?.values[key]
        if (value !== undefined) await client.query('select set_config($1, $2, false)', [parameter, value])
      }
      return client
    })
  }
}

/** A pool that sets the session, for one test. */
export function openSessionPool(options: pg.PoolConfig): SessionPool {
  return endAfterTest(new SessionPool(options))
}
