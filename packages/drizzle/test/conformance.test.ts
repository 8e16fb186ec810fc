import { connectToPostgres, describeTenancyConformance, type ConformanceFacts } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { isDrizzle1 } from './drizzle-release.ts'
import { drizzleHarness } from './drizzle-subject.ts'

const facts: ConformanceFacts = {
  callbacks: 'Drizzle has promises only',
  streams: 'Drizzle has no cursors for PostgreSQL',
  checkout: 'Drizzle holds a connection for a transaction only',
  ...(!isDrizzle1 && { firstErrors: 'transaction() of Drizzle 0.45 rejects with the error of the rollback' }),
}

describeTenancyConformance(
  drizzleHarness,
  facts,
  { describe, test, beforeAll, afterAll },
  { server: () => connectToPostgres(inject('postgresUrl')) },
)
