import { connectToPostgres, describeTenancyConformance, type ConformanceFacts } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { isDrizzle1 } from './drizzle-release.ts'
import { drizzleHarness, postgresJsHarness } from './drizzle-subject.ts'

const facts: ConformanceFacts = {
  callbacks: 'Drizzle has promises only',
  streams: 'Drizzle has no cursors for PostgreSQL',
  checkout: 'Drizzle holds a connection for a transaction only',
}
const factsOfNodePostgres: ConformanceFacts = {
  ...facts,
  ...(!isDrizzle1 && { firstErrors: 'transaction() of Drizzle 0.45 rejects with the error of the rollback' }),
}
const factsOfPostgresJs: ConformanceFacts = {
  ...facts,
  counts: 'postgres.js does not count its connections',
  prepared: 'Drizzle leaves the naming of statements to postgres.js',
}

const runner = { describe, test, beforeAll, afterAll }
const server = { server: () => connectToPostgres(inject('postgresUrl')) }

describeTenancyConformance(drizzleHarness, factsOfNodePostgres, runner, server)
describeTenancyConformance(postgresJsHarness, factsOfPostgresJs, runner, server)
