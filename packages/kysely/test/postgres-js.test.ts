import { connectToPostgres, describeTenancyConformance } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { postgresJsHarness } from './kysely-subject.ts'

describeTenancyConformance(
  postgresJsHarness,
  {
    callbacks: 'Kysely has promises only',
    counts: 'postgres.js does not count its connections',
    prepared: 'Kysely does not name statements; postgres.js does by itself',
    severalResults: 'Kysely drops the rows of a text of several statements',
  },
  { describe, test, beforeAll, afterAll },
  { server: () => connectToPostgres(inject('postgresUrl')) },
)
