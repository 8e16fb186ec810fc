import { connectToPostgres, describeTenancyConformance } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { transactionsByHand, tenantSqlHarness } from './support/conformance-subject.ts'

const facts = {
  callbacks: 'the queries of postgres.js are promises',
  counts: 'postgres.js does not count its connections',
}

for (const harness of [tenantSqlHarness, transactionsByHand]) {
  describeTenancyConformance(
    harness,
    facts,
    { describe, test, beforeAll, afterAll },
    { server: () => connectToPostgres(inject('postgresUrl')) },
  )
}
