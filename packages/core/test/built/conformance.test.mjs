// The conformance suite on the built packages, for whichever Node runs it: the tests proper run on the sources, and on
// the Node that the tools need. Run by scripts/check-built.ts.
import { TenantPool } from '@tenantry/core/pg'
import { describeTenancyConformance, poolHarness } from '@tenantry/testing'
import { after, before, describe, test } from 'node:test'
import Cursor from 'pg-cursor'

describeTenancyConformance(
  poolHarness({
    name: 'TenantPool, built',
    Cursor,
    create: ({ tenancy, connectionString, systemConnectionString, max }) =>
      new TenantPool({
        tenancy,
        connectionString,
        max,
        prepare: true,
        ...(systemConnectionString !== undefined && { system: { connectionString: systemConnectionString } }),
      }),
  }),
  {},
  { describe, test, beforeAll: (body) => before(body), afterAll: (body) => after(body) },
)
