import { createTenancy } from '@tenantry/core'
import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { putCacheInto } from '../src/cached-session.ts'
import { tenantCache } from '../src/index.ts'
import { TenantCache } from '../src/tenant-cache.ts'
import { drivers, type Database } from './drivers.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { MemoryCache } from './memory-cache.ts'
import { relationalDatabase, type RelationalDatabase } from './relational-database.ts'
import { projects } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

const fixture = useDatabase()

/** Who the tenants of the rows are that acme and then globex get of one statement. */
async function tenantsOf(statement: () => Promise<{ tenantId: string }[]>): Promise<string[][]> {
  const { acme, globex } = fixture
  const answers: string[][] = []
  for (const tenant of [acme.id, globex.id, acme.id]) {
    const rows = await tenancy.run(tenant, statement)
    answers.push([...new Set(rows.map(({ tenantId }) => tenantId))])
  }
  return answers
}

describe.each(drivers)('on $name, a cache of everything', (driver) => {
  const client = (): object => driver.client(fixture)
  const naive = (): object => ({ client: client(), cache: new MemoryCache('all') })
  const wrapped = (): object => ({
    client: client(),
    cache: tenantCache(new MemoryCache('all'), tenancy),
  })
  const eachOwn = (): string[][] => [[fixture.acme.id], [fixture.globex.id], [fixture.acme.id]]
  const allOfAcme = (): string[][] => eachOwn().map(() => [fixture.acme.id])

  const prepared = (db: Database): (() => Promise<{ tenantId: string }[]>) => {
    const all = db
      .select({ tenantId: projects.tenantId })
      .from(projects)
      .where(sql`${projects.name} <> ${sql.placeholder('name')}`)
      .prepare('all_projects')
    return () => all.execute({ name: 'nothing' })
  }

  test('attack: serves one tenant’s rows to another by a prepared statement', async () => {
    expect(await tenantsOf(prepared(driver.plainDrizzle(naive())))).toEqual(allOfAcme())
  })

  test('tenantCache() keeps them apart in a prepared statement', async () => {
    expect(await tenantsOf(prepared(driver.drizzle(wrapped())))).toEqual(eachOwn())
  })

  const relational = (db: RelationalDatabase) => () => db.query.projects.findMany({ with: { tasks: true } })

  test(`attack: ${isDrizzle1 ? '1.0 does so' : '0.45 does not'} by a relational query`, async () => {
    const db = relationalDatabase({ drizzle: driver.plainDrizzle }, naive())
    expect(await tenantsOf(relational(db))).toEqual(isDrizzle1 ? allOfAcme() : eachOwn())
  })

  test('tenantCache() keeps them apart in a relational query', async () => {
    expect(await tenantsOf(relational(relationalDatabase(driver, wrapped())))).toEqual(eachOwn())
  })

  test('tenantCache() keeps them apart in many statements at once', async () => {
    const { acme, globex } = fixture
    const db = driver.drizzle(wrapped())
    const list = prepared(db)
    const ofMany = (): Promise<boolean[]> =>
      Promise.all(
        Array.from({ length: 60 }, (_, index) => {
          const { id } = index % 2 === 0 ? acme : globex
          return tenancy.run(id, async () => (await list()).every(({ tenantId }) => tenantId === id))
        }),
      )
    // The first fill the cache, and the second are served from it.
    const answers = [...(await ofMany()), ...(await ofMany())]
    expect(answers).toEqual(answers.map(() => true))
  })
})

describe.each(drivers)('on $name, a cache for another tenancy', (driver) => {
  const other = createTenancy({ tenantId: 'text', name: 'other' })
  const list = (db: Database): Promise<{ tenantId: string }[]> =>
    db.select({ tenantId: projects.tenantId }).from(projects).$withCache().execute()

  test('attack: serves one tenant’s rows to another, where both are in one scope of the other tenancy', async () => {
    const cache = new TenantCache(new MemoryCache(), other)
    const db = driver.plainDrizzle({ client: driver.client(fixture), cache })
    putCacheInto(db, cache)
    const answers = await other.run('somebody', () => tenantsOf(() => list(db)))
    expect(answers).toEqual(answers.map(() => [fixture.acme.id]))
  })

  test('is refused, with the one to give it', () => {
    const open = (from: typeof other | typeof tenancy): unknown =>
      driver.drizzle({ client: driver.client(fixture), cache: tenantCache(new MemoryCache(), from) })
    expect(() => open(other)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(/tenantCache\(cache, (pool|sql)\.tenancy\)/) as string,
      }) as Error,
    )
    const { tenancy: own } = driver.client(fixture) as { tenancy: typeof tenancy }
    expect(open(own)).toBeDefined()
  })
})
