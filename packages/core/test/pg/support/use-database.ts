import { connectToPostgres, tenancySchema } from '@tenantry/testing'
import type { TestDatabase } from '@tenantry/testing'
import { afterAll, beforeAll, inject } from 'vitest'
import { PROJECTS, tenantId, TENANTS } from './tenants.ts'

/**
 * A database of the test file's own, with the schema of @tenantry/testing and the numbered tenants. To be called at the
 * top of a file; what it returns has its members once the tests run.
 */
export function useDatabase(): TestDatabase {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await connectToPostgres(inject('postgresUrl')).createDatabase({
      template: 'numbered',
      setup: async (query, { query: asSuperuser }) => {
        await query(tenancySchema())
        await asSuperuser(`
          insert into tenants select id, 'tenant ' || number
            from unnest(array['${Array.from({ length: TENANTS }, (_, index) => tenantId(index + 1)).join("','")}']::uuid[])
              with ordinality as numbered (id, number);
          insert into projects (tenant_id, name)
            select id, 'project ' || number from tenants, generate_series(1, ${PROJECTS}) as number;
        `)
      },
    })
  })
  afterAll(() => database?.drop())
  return new Proxy({} as TestDatabase, {
    get(_target, name) {
      if (database === undefined) throw new Error('the database is there only once the tests run')
      return database[name as keyof TestDatabase]
    },
  })
}
