import { createMigrationDataSource } from './migration-data-source.ts'

// For TypeORM's command line: `npm run migration:generate`.
export default createMigrationDataSource(process.env['OWNER_DATABASE_URL'] ?? '')
