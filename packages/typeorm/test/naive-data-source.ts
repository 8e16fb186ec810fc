import { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import { DataSource } from 'typeorm'
import { tenancy } from './test-database.ts'

/** What one would write oneself: TypeORM's option `driver`, with a TenantPool for its pools. */
export function naiveDataSource(url: string, options: object = {}): DataSource {
  class Pool extends TenantPool {
    constructor(config: pg.PoolConfig) {
      super({ tenancy, ...config })
    }
  }
  return new DataSource({
    type: 'postgres',
    url,
    poolSize: 2,
    driver: { Pool, defaults: pg.defaults },
    ...options,
  })
}
