import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import { inject } from 'vitest'
import { prepareDatabase } from '../src/prepare-database.ts'

/** A database with the tables of schema.sql, as the plan leaves them, and no rows. */
export async function createQuickstartDatabase(): Promise<TestDatabase> {
  return connectToPostgres(inject('postgresUrl')).createDatabase({
    setup: async (_query, database) => void (await prepareDatabase(database.urls.owner)),
  })
}

/** How many rows each table has, as a superuser sees it. */
export async function countRows(database: TestDatabase): Promise<Record<string, number>> {
  const [counts] = await database.query<Record<string, number>>(`
    SELECT (SELECT count(*)::int FROM tenants) AS tenants, (SELECT count(*)::int FROM users) AS users,
           (SELECT count(*)::int FROM projects) AS projects, (SELECT count(*)::int FROM tasks) AS tasks`)
  return counts!
}

/** Removes every row. */
export async function clearTables(database: TestDatabase): Promise<void> {
  await database.query('TRUNCATE tenants, users, projects, tasks')
}
