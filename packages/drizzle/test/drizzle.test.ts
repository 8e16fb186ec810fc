import { randomUUID } from 'node:crypto'
import { and, asc, eq, sql } from 'drizzle-orm'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { tenantCache } from '../src/index.ts'
import { codeOf } from './code-of.ts'
import { drivers, nodePostgres, postgresJs, type Database } from './drivers.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { MemoryCache } from './memory-cache.ts'
import { relationalDatabase } from './relational-database.ts'
import { plans, projects, tasks } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

const fixture = useDatabase()

describe.each(drivers)('drizzle() on $name', (driver) => {
  const { drizzle, plainDrizzle } = driver
  const client = (): object => driver.client(fixture)

  test.each([
    ['drizzle(client)', () => [client()]],
    ['drizzle(client, config)', () => [client(), { logger: false }]],
    ['drizzle({ client })', () => [{ client: client() }]],
    ['drizzle({ client, … })', () => [{ logger: false, client: client() }]],
  ])('%s is scoped', async (_form, parameters) => {
    const { acme } = fixture
    const db = drizzle(...parameters())
    expect(db.$client).toBe(client())
    const rows = await tenancy.run(acme.id, () => db.select({ id: projects.id }).from(projects))
    expect(rows.map(({ id }) => id).sort()).toEqual([...acme.projectIds].sort())
    await expect(async () => db.select().from(projects)).rejects.toMatchObject({
      cause: { code: 'TENANT_REQUIRED' },
    })
  })

  test('the result is that of drizzle-orm', () => {
    const db = drizzle(client())
    expect(db.constructor).toBe(plainDrizzle({ client: client() }).constructor)
    expect(drizzle.mock).toBe(plainDrizzle.mock)
  })

  test('the configuration arrives', async () => {
    const logged: string[] = []
    const logger = { logQuery: (text: string) => void logged.push(text) }
    await tenancy.run(fixture.acme.id, () => drizzle(client(), { logger }).execute(sql`select 1 as one`))
    await tenancy.run(fixture.acme.id, () =>
      drizzle({ client: client(), logger }).execute(sql`select 2 as two`),
    )
    expect(logged).toEqual(['select 1 as one', 'select 2 as two'])
  })

  test.each<[string, () => unknown[]]>([
    ['a connection string', () => [fixture.database.urls.app]],
    ['a connection string with a config', () => [fixture.database.urls.app, {}]],
    ['options of a connection', () => [{ connection: { url: fixture.database.urls.app } }]],
    ['a connection string as an option', () => [{ connection: fixture.database.urls.app }]],
    ['options of a connection beside a client', () => [{ client: client(), connection: {} }]],
    [
      'an object with a plain client for its client',
      () => [{ client: { client: driver.plainClients()[0] } }],
    ],
    ['nothing', () => []],
    ['an empty config', () => [{}]],
  ])('%s is refused', (_name, parameters) => {
    expect(codeOf(() => drizzle(...parameters()))).toBe('UNSUPPORTED_DRIVER')
  })

  test('plain clients are refused, and those of the other driver', () => {
    const [other] = drivers.filter(({ name }) => name !== driver.name)
    for (const each of [...driver.plainClients(), other!.client(fixture)]) {
      expect(codeOf(() => drizzle(each))).toBe('UNSUPPORTED_DRIVER')
      expect(codeOf(() => drizzle({ client: each }))).toBe('UNSUPPORTED_DRIVER')
    }
  })

  test('a cache that is not wrapped is refused', () => {
    const cache = new MemoryCache()
    expect(codeOf(() => drizzle({ client: client(), cache }))).toBe('INVALID_CONFIG')
    expect(codeOf(() => drizzle(client(), { cache }))).toBe('INVALID_CONFIG')
    expect(codeOf(() => drizzle(client(), { cache: tenantCache(cache, tenancy) }))).toBe(undefined)
  })
})

describe('attack: drizzle(client) of Drizzle 1.0 opens a plain client of its own', () => {
  test('for a pool that does not name itself, as a TenantPool does', () => {
    class Plain extends pg.Pool {}
    const given = new Plain()
    expect(nodePostgres.plainDrizzle(given).$client === given).toBe(!isDrizzle1)
    expect(nodePostgres.plainDrizzle(fixture.pool).$client).toBe(fixture.pool)
  })

  test('for a client of postgres.js', () => {
    expect(postgresJs.plainDrizzle(fixture.sql).$client === fixture.sql).toBe(!isDrizzle1)
  })
})

describe.each(drivers)('what Drizzle does on $name', (driver) => {
  const open = (): Database => driver.drizzle({ client: driver.client(fixture) })

  test('writes come back to the tenant they are of', async () => {
    const { acme, database } = fixture
    const db = open()
    const [inserted] = await tenancy.run(acme.id, () =>
      db.insert(projects).values({ name: 'new' }).returning(),
    )
    expect(inserted).toMatchObject({ tenantId: acme.id, name: 'new', status: 'active' })
    const [updated] = await tenancy.run(acme.id, () =>
      db
        .insert(projects)
        .values({ id: inserted!.id, name: 'newer' })
        .onConflictDoUpdate({ target: [projects.tenantId, projects.id], set: { name: sql`excluded.name` } })
        .returning({ name: projects.name }),
    )
    expect(updated).toEqual({ name: 'newer' })
    await tenancy.run(acme.id, () => db.delete(projects).where(eq(projects.id, inserted!.id)))
    expect(await database.query('select from projects where id = $1', [inserted!.id])).toEqual([])
  })

  test('the system writes for a tenant with overridingSystemValue()', async () => {
    const { globex, database } = fixture
    const db = open()
    const id = randomUUID()
    await tenancy.asSystem('import', () =>
      db.insert(projects).overridingSystemValue().values({ tenantId: globex.id, id, name: 'imported' }),
    )
    expect(await database.query('select tenant_id, name from projects where id = $1', [id])).toEqual([
      { tenant_id: globex.id, name: 'imported' },
    ])
    // Whoever has a tenant cannot write for another, whatever the types say.
    await expect(
      tenancy.run(fixture.acme.id, () =>
        db.insert(projects).overridingSystemValue().values({ tenantId: globex.id, name: 'planted' }),
      ),
    ).rejects.toMatchObject({ cause: { code: '42501' } })
    await tenancy.asSystem('cleaning up', () => db.delete(projects).where(eq(projects.id, id)))
  })

  test('$count, joins, subqueries and CTEs see the tenant’s rows', async () => {
    const { acme } = fixture
    const db = open()
    expect(await tenancy.run(acme.id, () => db.$count(tasks))).toBe(3)
    expect(await tenancy.withoutTenant(async () => db.$count(tasks))).toBe(0)
    const undone = db.$with('undone').as(db.select().from(tasks).where(eq(tasks.done, false)))
    const rows = await tenancy.run(acme.id, () =>
      db
        .with(undone)
        .select({ project: projects.name, title: undone.title, plan: plans.name })
        .from(undone)
        .innerJoin(projects, eq(projects.id, undone.projectId))
        .leftJoin(plans, eq(plans.id, 1))
        .orderBy(asc(undone.title)),
    )
    expect(rows.map(({ title, plan }) => [title, plan])).toEqual([
      ['acme task 1', 'free'],
      ['acme task 2', 'free'],
      ['acme task 3', 'free'],
    ])
  })

  test('a prepared statement serves whoever executes it', async () => {
    const { acme, globex } = fixture
    const db = open()
    const byName = db
      .select({ id: projects.id, tenantId: projects.tenantId })
      .from(projects)
      .where(and(eq(projects.id, sql.placeholder('id'))))
      .prepare('project_by_id')
    const find = (tenant: string, id: string): Promise<{ tenantId: string }[]> =>
      tenancy.run(tenant, () => byName.execute({ id }))
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0 ? find(acme.id, acme.projectIds[0]) : find(globex.id, acme.projectIds[0]),
      ),
    )
    expect(answers.map((rows) => rows.map(({ tenantId }) => tenantId))).toEqual(
      answers.map((_, index) => (index % 2 === 0 ? [acme.id] : [])),
    )
  })

  test('nested transactions are savepoints of the same tenant', async () => {
    const { acme } = fixture
    const db = open()
    const names = await tenancy.run(acme.id, () =>
      db.transaction(
        async (transaction) => {
          await transaction.insert(projects).values({ name: 'kept' })
          await expect(
            transaction.transaction(async (inner) => {
              await inner.insert(projects).values({ name: 'lost' })
              inner.rollback()
            }),
          ).rejects.toThrow('Rollback')
          await transaction.transaction((inner) => inner.insert(projects).values({ name: 'kept too' }))
          const rows = await transaction.select({ name: projects.name }).from(projects).orderBy(projects.name)
          await transaction.delete(projects).where(sql`${projects.name} like 'kept%'`)
          return rows.map(({ name }) => name)
        },
        { isolationLevel: 'serializable' },
      ),
    )
    expect(names).toEqual(['acme app', 'acme website', 'kept', 'kept too'])
  })

  test('a transaction of one tenant refuses statements of another', async () => {
    const { acme, globex } = fixture
    const db = open()
    await tenancy.run(acme.id, () =>
      db.transaction(async (transaction) => {
        await expect(tenancy.run(globex.id, () => transaction.select().from(projects))).rejects.toMatchObject(
          { cause: { code: 'TENANT_MISMATCH' } },
        )
        expect(await transaction.$count(tasks)).toBe(3)
      }),
    )
  })

  test('relational queries see the tenant’s rows, nested ones too', async () => {
    const { acme } = fixture
    const db = relationalDatabase(driver, { client: driver.client(fixture) })
    const rows = await tenancy.run(acme.id, () => db.query.projects.findMany({ with: { tasks: true } }))
    expect(rows.map(({ tenantId }) => tenantId)).toEqual([acme.id, acme.id])
    expect(rows.flatMap((row) => row.tasks.map(({ title }) => title)).sort()).toEqual([
      'acme task 1',
      'acme task 2',
      'acme task 3',
    ])
    expect(await tenancy.withoutTenant(() => db.query.projects.findMany({ with: { tasks: true } }))).toEqual(
      [],
    )
  })
})
