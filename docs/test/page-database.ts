import { randomBytes } from 'node:crypto'
import type { TestDatabase, TestPostgres } from '@tenantry/testing'
import { queryAs, seedTenants, tenancySchema } from '@tenantry/testing'
import type { Block } from './blocks.ts'
import { isForReading } from './blocks.ts'
import type { Outcome } from './run-block.ts'

/** The tenants that the pages know, by ids that can be written down. */
export const tenants = {
  acme: '0a7c1e52-6f3b-4d18-9c40-2b8e5f1d7a01',
  globex: '7d2f9b36-1c84-4e5a-8b17-93a0c6e4f502',
} as const

/** The database of a page: empty where the page's own SQL fills it, with tables and tenants everywhere else. */
export function createPageDatabase(server: TestPostgres, blocks: readonly Block[]): Promise<TestDatabase> {
  if (blocks.some((block) => block.language === 'sql' && !isForReading(block))) {
    return server.createDatabase({ name: 'docs' })
  }
  return server.createDatabase({
    name: 'docs',
    template: 'docs',
    setup: async (query, database) => {
      await query(tenancySchema())
      await seedTenants(database.query, tenants)
    },
  })
}

/** Where an application finds its database. */
export function setEnvironment(server: TestPostgres, database: TestDatabase): void {
  Object.assign(process.env, {
    DATABASE_URL: database.urls.app,
    SYSTEM_DATABASE_URL: database.urls.system,
    OWNER_DATABASE_URL: database.urls.owner,
    TENANTRY_TEST_DATABASE_URL: server.url,
    TENANTRY_TEST_POSTGRES: 'url',
  })
}

/** Runs a block of SQL as the role that it names: `sql as owner`, `sql as superuser`. */
export async function runSql({ words, code, page, line }: Block, database: TestDatabase): Promise<Outcome> {
  const { superuser, owner } = database.urls
  // Pages call the application's database `app`.
  const text = code.replaceAll('database app ', `database "${database.name}" `)
  if (words.includes('roles')) await queryAs(superuser, inPassing(text))
  else if (words.includes('superuser')) await queryAs(superuser, text)
  else if (words.includes('owner')) await queryAs(owner, text)
  else throw new Error(`${page}:${line} does not say who runs it: "sql as owner" or "sql as superuser".`)
  return { outputs: [], error: undefined }
}

/** Roles belong to the whole server, which has those of that name: others are made, and not kept. */
function inPassing(text: string): string {
  return `begin; ${text.replaceAll('tenantry_', `docs_${randomBytes(4).toString('hex')}_`)}; rollback`
}
