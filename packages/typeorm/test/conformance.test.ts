import { connectToPostgres, describeTenancyConformance } from '@tenantry/testing'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { typeormHarness } from './typeorm-subject.ts'

describeTenancyConformance(
  typeormHarness,
  {
    callbacks: 'TypeORM has promises only',
    severalResults: 'TypeORM drops the rows of a text of several statements',
    prepared: 'TypeORM does not name statements; `prepare: true` does',
  },
  { describe, test, beforeAll, afterAll },
  { server: () => connectToPostgres(inject('postgresUrl')) },
)
