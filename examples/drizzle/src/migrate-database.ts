import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'

const migrationsFolder = fileURLToPath(new URL('../migrations', import.meta.url))

/**
 * Brings the tables up to date. Migrations are nobody's tenant: a plain pool, and the role that owns the tables.
 *
 * @param connectionString of the owner
 */
export async function migrateDatabase(connectionString: string): Promise<void> {
  const pool = new pg.Pool({ connectionString, max: 1 })
  try {
    await migrate(drizzle({ client: pool }), { migrationsFolder })
  } finally {
    await pool.end()
  }
}
