import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { connectToPostgres } from '../../src/index.ts'
import { describeTenancyConformance } from '../../src/conformance/index.ts'
import { tenantPoolHarness } from './tenant-pool.harness.ts'

describeTenancyConformance(
  tenantPoolHarness,
  {},
  { describe, test, beforeAll, afterAll },
  { server: () => connectToPostgres(inject('postgresUrl')) },
)
