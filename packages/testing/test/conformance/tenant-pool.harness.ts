import { TenantPool } from '@tenantry/core/pg'
import Cursor from 'pg-cursor'
import { poolHarness } from '../../src/conformance/index.ts'

/** The harness of TenantPool with its own transactions. */
export const tenantPoolHarness = poolHarness({
  name: 'TenantPool',
  Cursor,
  create: ({ tenancy, connectionString, systemConnectionString, max }) =>
    new TenantPool({
      tenancy,
      connectionString,
      max,
      ...(systemConnectionString !== undefined && { system: { connectionString: systemConnectionString } }),
    }),
})
