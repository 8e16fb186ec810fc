import { randomUUID } from 'node:crypto'
import { TenantryError, type TenantryErrorCode } from '@tenantry/core'
import type { TenantPool } from '@tenantry/core/pg'
import { and, asc, eq, sql } from 'drizzle-orm'
import * as orm from 'drizzle-orm'
import { drizzle as plainDrizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { drizzle, tenantCache } from '../src/index.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { MemoryCache } from './memory-cache.ts'
import { plans, projects, tasks } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

const fixture = useDatabase()

/** Calls that the types allow, or not. */
const open = drizzle as unknown as (...parameters: unknown[]) => NodePgDatabase & { $client: unknown }

function codeOf(work: () => unknown): TenantryErrorCode | undefined {
  try {
    work()
  } catch (error) {
    if (TenantryError.isInstance(error)) return error.code
    throw error
  }
  return undefined
}

describe('drizzle()', () => {
  test.each([
    ['drizzle(pool)', () => [fixture.pool]],
    ['drizzle(pool, config)', () => [fixture.pool, { logger: false }]],
    ['drizzle({ client: pool })', () => [{ client: fixture.pool }]],
    ['drizzle({ client: pool, … })', () => [{ logger: false, client: fixture.pool }]],
  ])('%s is scoped', async (_form, parameters) => {
    const { acme, pool } = fixture
    const db = open(...parameters())
    expect(db.$client).toBe(pool)
    const rows = await tenancy.run(acme.id, () => db.select({ id: projects.id }).from(projects))
    expect(rows.map(({ id }) => id).sort()).toEqual([...acme.projectIds].sort())
    await expect(async () => db.select().from(projects)).rejects.toMatchObject({
      cause: { code: 'TENANT_REQUIRED' },
    })
  })

  test('the result is that of drizzle-orm', () => {
    const db = drizzle(fixture.pool)
    expect(db.constructor).toBe(plainDrizzle(fixture.pool).constructor)
    expect(drizzle.mock).toBe(plainDrizzle.mock)
  })

  test('the configuration arrives', async () => {
    const logged: string[] = []
    const logger = { logQuery: (text: string) => void logged.push(text) }
    await tenancy.run(fixture.acme.id, () => open(fixture.pool, { logger }).execute(sql`select 1 as one`))
    await tenancy.run(fixture.acme.id, () =>
      open({ client: fixture.pool, logger }).execute(sql`select 2 as two`),
    )
    expect(logged).toEqual(['select 1 as one', 'select 2 as two'])
  })

  test.each<[string, () => unknown[]]>([
    ['a connection string', () => [fixture.database.urls.app]],
    ['a connection string with a config', () => [fixture.database.urls.app, {}]],
    ['options of a connection', () => [{ connection: { connectionString: fixture.database.urls.app } }]],
    ['a connection string as an option', () => [{ connection: fixture.database.urls.app }]],
    ['options of a connection beside a pool', () => [{ client: fixture.pool, connection: {} }]],
    ['a plain pool', () => [new pg.Pool({ connectionString: fixture.database.urls.app })]],
    ['a plain pool as an option', () => [{ client: new pg.Pool() }]],
    ['a plain client', () => [new pg.Client()]],
    ['an object with a plain pool for its client', () => [{ client: { client: new pg.Pool() } }]],
    ['nothing', () => []],
    ['an empty config', () => [{}]],
  ])('%s is refused', (_name, parameters) => {
    expect(codeOf(() => open(...parameters()))).toBe('UNSUPPORTED_DRIVER')
  })

  test('attack: Drizzle 1.0 opens a plain pool of its own for drizzle(pool), where the pool does not name itself', () => {
    class Plain extends pg.Pool {}
    const given = new Plain()
    const db = plainDrizzle(given as unknown as TenantPool)
    expect(db.$client === given).toBe(!isDrizzle1)
    expect(plainDrizzle(fixture.pool).$client).toBe(fixture.pool)
  })

  test('a cache that is not wrapped is refused', () => {
    const cache = new MemoryCache()
    expect(codeOf(() => open({ client: fixture.pool, cache }))).toBe('INVALID_CONFIG')
    expect(codeOf(() => open(fixture.pool, { cache }))).toBe('INVALID_CONFIG')
    expect(codeOf(() => open(fixture.pool, { cache: tenantCache(cache, tenancy) }))).toBe(undefined)
  })
})

describe('what Drizzle does', () => {
  test('writes come back to the tenant they are of', async () => {
    const { acme, pool, database } = fixture
    const db = drizzle({ client: pool })
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
    const { globex, pool, database } = fixture
    const db = drizzle({ client: pool })
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
    const { acme, pool } = fixture
    const db = drizzle({ client: pool })
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
    const { acme, globex, pool } = fixture
    const db = drizzle({ client: pool })
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
    const { acme, pool } = fixture
    const db = drizzle({ client: pool })
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
    const { acme, globex, pool } = fixture
    const db = drizzle({ client: pool })
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
    const { acme, pool } = fixture
    const db = relationalDatabase(pool)
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

interface RelationalDatabase {
  readonly query: {
    readonly projects: {
      findMany(config: object): Promise<{ tenantId: string; tasks: { title: string }[] }[]>
    }
  }
}

/** Relations as each release declares them; the types of one release do not know the other's. */
function relationalDatabase(pool: TenantPool): RelationalDatabase {
  const { defineRelations, relations } = orm as unknown as {
    defineRelations(tables: object, define: (one: RelationHelpers) => object): object
    relations(
      table: object,
      define: (helpers: {
        many(table: object): object
        one(table: object, config: object): object
      }) => object,
    ): object
  }
  if (isDrizzle1) {
    const defined = defineRelations({ projects, tasks }, (helpers) => ({
      projects: {
        tasks: helpers.many['tasks']!({ from: helpers['projects'].id, to: helpers['tasks'].projectId }),
      },
    }))
    return open({ client: pool, relations: defined }) as unknown as RelationalDatabase
  }
  const schema = {
    projects,
    tasks,
    projectRelations: relations(projects, ({ many }) => ({ tasks: many(tasks) })),
    taskRelations: relations(tasks, ({ one }) => ({
      project: one(projects, { fields: [tasks.projectId], references: [projects.id] }),
    })),
  }
  return open({ client: pool, schema }) as unknown as RelationalDatabase
}

interface RelationHelpers {
  readonly many: Record<string, (config: object) => object>
  readonly projects: { readonly id: object }
  readonly tasks: { readonly projectId: object }
}
