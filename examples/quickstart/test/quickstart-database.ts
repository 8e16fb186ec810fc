import { readFile } from 'node:fs/promises'
import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import { inject } from 'vitest'

/** A database with the tables of schema.sql, and no rows. */
export async function createQuickstartDatabase(): Promise<TestDatabase> {
  const schema = await readFile(new URL('../schema.sql', import.meta.url), 'utf8')
  return connectToPostgres(inject('postgresUrl')).createDatabase({ setup: schema })
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
