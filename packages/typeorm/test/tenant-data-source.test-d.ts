import { createTenancy } from '@tenantry/core'
import type { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import type { DataSource } from 'typeorm'
import { expectTypeOf, test } from 'vitest'
import { MigrationDataSource, TenantDataSource } from '../src/index.ts'

const tenancy = createTenancy({ tenantId: 'uuid', settings: { userId: 'app.user_id' } })
const options = { type: 'postgres', tenancy } as const

test('a TenantDataSource is a DataSource, with a pool', () => {
  const dataSource = new TenantDataSource(options)
  expectTypeOf(dataSource).toExtend<DataSource>()
  expectTypeOf(dataSource.pool).toEqualTypeOf<TenantPool>()
  expectTypeOf(dataSource.initialize()).resolves.toEqualTypeOf<TenantDataSource>()
  expectTypeOf(new MigrationDataSource({ type: 'postgres', synchronize: true })).toExtend<DataSource>()
})

test('what it refuses does not compile', () => {
  // @ts-expect-error the owner's
  new TenantDataSource({ ...options, synchronize: true })
  // @ts-expect-error the owner's
  new TenantDataSource({ ...options, migrationsRun: true })
  // @ts-expect-error it brings its own
  new TenantDataSource({ ...options, driver: pg })
  // @ts-expect-error TypeORM's words, not pg's
  new TenantDataSource({ ...options, system: { connectionString: 'postgres://' } })
  // @ts-expect-error there is none without
  new TenantDataSource({ type: 'postgres' })
})
