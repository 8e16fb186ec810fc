import { createMigrationDataSource } from './migration-data-source.ts'

/** Brings the database up to date. */
export async function migrateDatabase(url: string): Promise<void> {
  const dataSource = createMigrationDataSource(url)
  await dataSource.initialize()
  try {
    await dataSource.runMigrations({ transaction: 'all' })
  } finally {
    await dataSource.destroy()
  }
}
