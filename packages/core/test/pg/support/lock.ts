import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { onTestFinished } from 'vitest'

/** A statement that waits for as long as the lock is held. */
export const WAIT_FOR_LOCK = 'select pg_advisory_xact_lock(4711)'

/** A lock that statements of a test wait for. */
export interface Lock {
  /** Resolves when so many statements are known to wait for it. */
  waitedFor(statements?: number): Promise<void>
  open(): Promise<void>
}

/** Takes the lock that {@link WAIT_FOR_LOCK} waits for, until it is opened or the test is over. */
export async function takeLock(database: TestDatabase): Promise<Lock> {
  const holder = new pg.Client({ connectionString: database.urls.superuser })
  await holder.connect()
  await holder.query('select pg_advisory_lock(4711)')
  let held = true
  const open = async (): Promise<void> => {
    if (held) await holder.end()
    held = false
  }
  onTestFinished(open)
  return {
    open,
    async waitedFor(statements = 1) {
      for (;;) {
        const { rows } = await holder.query<{ waiting: number }>(
          `select count(*)::int as waiting from pg_locks
           where locktype = 'advisory' and objid = 4711 and not granted
             and database = (select oid from pg_database where datname = current_database())`,
        )
        if ((rows[0]?.waiting ?? 0) >= statements) return
      }
    },
  }
}
