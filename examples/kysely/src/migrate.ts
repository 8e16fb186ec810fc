import { Kysely, PostgresDialect } from 'kysely'
import { Migrator, NO_MIGRATIONS } from 'kysely/migration'
import pg from 'pg'
import * as companies from './migrations/companies.ts'
import * as projectsAndTasks from './migrations/projects-and-tasks.ts'

/** In the order of their names. */
const migrations = { '2026-01-companies': companies, '2026-02-projects-and-tasks': projectsAndTasks }

/**
 * Brings the database up to date, or back to nothing.
 *
 * @param connectionString of the owner of the tables: the application itself may not change them
 */
export async function migrate(connectionString: string, direction: 'up' | 'down' = 'up'): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
    const { error } = await (direction === 'up'
      ? migrator.migrateToLatest()
      : migrator.migrateTo(NO_MIGRATIONS))
    if (error !== undefined) throw error
  } finally {
    await db.destroy()
  }
}
