import type { QueryRunner } from 'typeorm'
import { createTenantFunction, MigrationDataSource } from '../../src/index.ts'
import { options } from './entities.ts'

class TenantFunction1700000000001 {
  up(queryRunner: QueryRunner): Promise<void> {
    return createTenantFunction(queryRunner)
  }
}

export default new MigrationDataSource({
  ...options,
  url: process.env['OWNER_DATABASE_URL'] ?? '',
  migrations: [TenantFunction1700000000001],
})
