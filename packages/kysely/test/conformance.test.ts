import { connectToPostgres, describeTenancyConformance, type ConformanceFacts } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { controlledKyselyHarness, kyselyHarness } from './kysely-subject.ts'

const runner = { describe, test, beforeAll, afterAll }
const server = { server: () => connectToPostgres(inject('postgresUrl')) }

const facts: ConformanceFacts = {
  callbacks: 'Kysely has promises only',
  severalResults: 'Kysely drops the rows of a text of several statements',
  prepared: 'Kysely does not name statements; `prepare: true` of TenantPool does',
}

describeTenancyConformance(
  kyselyHarness,
  {
    ...facts,
    savepoints: 'transaction() of Kysely does not nest; startTransaction() has savepoints',
    firstErrors: 'transaction() of Kysely rejects with the error of the rollback',
  },
  runner,
  server,
)
describeTenancyConformance(controlledKyselyHarness, facts, runner, server)
