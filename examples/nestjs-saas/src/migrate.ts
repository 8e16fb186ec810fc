import { migrateDatabase } from './database/migrate-database.ts'

// As the owner of the tables, and not as the application, which may not change them.
const url = process.env['OWNER_DATABASE_URL']
if (!url) throw new Error('Set OWNER_DATABASE_URL in the environment: see compose.yaml.')
await migrateDatabase(url)
