import { MigrationDataSource } from '@tenantry/typeorm'
import { entities } from './entities.ts'
import { Tenants1767225600000 } from './migrations/1767225600000-tenants.ts'
import { ProjectsAndTasks1767312000000 } from './migrations/1767312000000-projects-and-tasks.ts'
import { AuditLog1767398400000 } from './migrations/1767398400000-audit-log.ts'

/** @param url of the owner of the tables, whom the application never connects as */
export function createMigrationDataSource(url: string): MigrationDataSource {
  return new MigrationDataSource({
    type: 'postgres',
    url,
    entities,
    migrations: [Tenants1767225600000, ProjectsAndTasks1767312000000, AuditLog1767398400000],
    // gen_random_uuid() is PostgreSQL's own since 13.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
  })
}
