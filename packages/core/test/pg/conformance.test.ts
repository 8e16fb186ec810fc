import { connectToPostgres, describeTenancyConformance, poolHarness } from '@tenantry/testing'
import Cursor from 'pg-cursor'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { TenantPool } from '../../src/pg/index.ts'

const variants = [
  { name: 'TenantPool, pool.transaction', prepare: false, transactionsByHand: false },
  { name: 'TenantPool, prepare: true, BEGIN and COMMIT by hand', prepare: true, transactionsByHand: true },
]

for (const { name, prepare, transactionsByHand } of variants) {
  describeTenancyConformance(
    poolHarness({
      name,
      Cursor,
      transactionsByHand,
      create: ({ tenancy, connectionString, systemConnectionString, max }) =>
        new TenantPool({
          tenancy,
          connectionString,
          max,
          prepare,
          ...(systemConnectionString !== undefined && {
            system: { connectionString: systemConnectionString },
          }),
        }),
    }),
    {},
    { describe, test, beforeAll, afterAll },
    { server: () => connectToPostgres(inject('postgresUrl')) },
  )
}
