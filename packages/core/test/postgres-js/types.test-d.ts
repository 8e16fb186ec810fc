import { createTenancy } from '@tenantry/core'
import { tenantPostgres } from '@tenantry/core/postgres-js'
import type { TenantSql } from '@tenantry/core/postgres-js'
import type postgres from 'postgres'
import { describe, expectTypeOf, test } from 'vitest'

const tenancy = createTenancy({ tenantId: 'uuid' })

interface Project {
  id: string
  name: string
}

describe('tenantPostgres', () => {
  test('returns what postgres() returns', () => {
    expectTypeOf(tenantPostgres('postgres://host/db', { tenancy })).toExtend<postgres.Sql>()
    expectTypeOf(tenantPostgres({ tenancy, host: 'host', max: 5 })).toExtend<postgres.Sql>()
    expectTypeOf<TenantSql['verify']>().returns.toEqualTypeOf<Promise<void>>()
  })

  test('leaves the types of rows, fragments and results as they are', () => {
    const sql = tenantPostgres({ tenancy })
    expectTypeOf(sql<Project[]>`select id, name from projects`).resolves.toExtend<Project[]>()
    expectTypeOf(sql<Project[]>`select 1`.values()).resolves.toExtend<unknown[][]>()
    expectTypeOf(sql.unsafe<Project[]>('select 1')).toEqualTypeOf<postgres.PendingQuery<Project[]>>()
    expectTypeOf(
      sql.begin((transaction) => {
        expectTypeOf(transaction).toEqualTypeOf<postgres.TransactionSql<Record<never, unknown>>>()
        return transaction<Project[]>`select 1`
      }),
    ).resolves.toExtend<Project[]>()
    expectTypeOf(sql.reserve()).resolves.toExtend<postgres.ReservedSql>()
  })

  test('knows the types that are given to it, as postgres() does', () => {
    const point = {
      to: 600,
      from: [600],
      serialize: ([x, y]: [number, number]) => `(${x},${y})`,
      parse: () => [0, 0] as [number, number],
    }
    const sql = tenantPostgres({ tenancy, types: { point } })
    expectTypeOf(sql.types.point).parameter(0).toEqualTypeOf<[number, number]>()
    expectTypeOf(sql`select ${sql.types.point([1, 2])}`).toExtend<Promise<readonly postgres.Row[]>>()
  })

  test('refuses what it cannot do without', () => {
    // @ts-expect-error a tenancy is needed
    tenantPostgres('postgres://host/db', {})
    // @ts-expect-error there is no such option
    tenantPostgres({ tenancy, connectionString: 'postgres://host/db' })
    // @ts-expect-error the system's connections have no system of their own
    tenantPostgres({ tenancy, system: { url: 'postgres://host/db', system: {} } })
  })
})
