import { CamelCasePlugin, sql, type Generated, type Kysely } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { currentTenantId, type TenantOwned } from '../src/index.ts'
import { codeOf, openTwoTenants, tenancy, type TwoTenants } from './two-tenants.ts'

let tenants: TwoTenants
beforeEach(async () => {
  tenants = await openTwoTenants()
})
afterEach(() => tenants.close())

const ID = '11111111-1111-4111-8111-111111111111'

describe('raw sql', () => {
  test('reads and writes what is the tenant’s own', async () => {
    const { db, both, acme, globex, projectsOf } = tenants
    const seen = await both(async () => {
      await sql`update projects set name = name || '!'`.execute(db)
      const { rows } = await sql<{
        name: string
      }>`select name from ${sql.table('projects')} order by 1`.execute(db)
      return rows.map(({ name }) => name)
    })
    expect(seen).toEqual([
      ['acme app!', 'acme website!'],
      ['globex app!', 'globex website!'],
    ])
    expect([await projectsOf(acme), await projectsOf(globex)]).toEqual(seen)
  })

  test('cannot name another tenant', async () => {
    const { db, acme, globex, projectsOf } = tenants
    const planting = () =>
      sql`insert into projects (tenant_id, name) values (${globex.id}, 'planted')`.execute(db)
    expect(await codeOf(() => tenancy.run(acme.id, planting))).toBe('42501')
    expect(await projectsOf(globex)).toEqual(['globex app', 'globex website'])
  })

  test('is not sent without a scope', async () => {
    const { db } = tenants
    expect(await codeOf(() => sql`select 1`.execute(db))).toBe('TENANT_REQUIRED')
    expect(await codeOf(() => db.selectFrom('projects').selectAll().execute())).toBe('TENANT_REQUIRED')
  })

  test('has the tenant as an expression', async () => {
    const { db, both, acme, globex } = tenants
    const ids = await both(async () => {
      const { tenant } = await db.selectNoFrom(currentTenantId().as('tenant')).executeTakeFirstOrThrow()
      const { count } = await db
        .selectFrom('projects')
        .where('tenant_id', '=', currentTenantId())
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .executeTakeFirstOrThrow()
      return { tenant, count }
    })
    expect(ids).toEqual([
      { tenant: acme.id, count: '2' },
      { tenant: globex.id, count: '2' },
    ])
    await tenancy.withoutTenant(async () => {
      expect(await db.selectNoFrom(currentTenantId().as('tenant')).executeTakeFirstOrThrow()).toEqual({
        tenant: null,
      })
    })
  })
})

describe('CTEs', () => {
  test('that read and that write are the tenant’s', async () => {
    const { db, both, acme, globex, projectsOf } = tenants
    const seen = await both(({ name }) =>
      db
        .with('made', (query) =>
          query
            .insertInto('projects')
            .values({ name: `${name} made` })
            .returning(['name', 'tenant_id']),
        )
        .with('gone', (query) => query.deleteFrom('projects').where('name', 'like', '%app').returning('name'))
        .selectFrom(['made', 'gone'])
        .select(['made.name as made', 'made.tenant_id', 'gone.name as gone'])
        .execute(),
    )
    expect(seen).toEqual([
      [{ made: 'acme made', tenant_id: acme.id, gone: 'acme app' }],
      [{ made: 'globex made', tenant_id: globex.id, gone: 'globex app' }],
    ])
    expect(await projectsOf(acme)).toEqual(['acme made', 'acme website'])
    expect(await projectsOf(globex)).toEqual(['globex made', 'globex website'])
  })
})

describe('INSERT … ON CONFLICT', () => {
  const upsert = (db: TwoTenants['db'], name: string) =>
    db
      .insertInto('projects')
      .values({ id: ID, name })
      .onConflict((conflict) =>
        conflict
          .columns(['tenant_id', 'id'])
          .doUpdateSet(({ ref }) => ({ name: sql`${ref('excluded.name')} || ' again'` })),
      )
      .returning('name')
      .executeTakeFirstOrThrow()

  test('one id is a row of each tenant', async () => {
    const { db, both, acme, globex, projectsOf } = tenants
    expect(await both(({ name }) => upsert(db, `${name} one`))).toEqual([
      { name: 'acme one' },
      { name: 'globex one' },
    ])
    expect(await both(({ name }) => upsert(db, `${name} two`))).toEqual([
      { name: 'acme two again' },
      { name: 'globex two again' },
    ])
    expect(await projectsOf(acme)).toContain('acme two again')
    expect(await projectsOf(globex)).toContain('globex two again')
    expect(await tenants.database.query('select from projects where id = $1', [ID])).toHaveLength(2)
  })

  test('DO NOTHING ignores only what the tenant has itself', async () => {
    const { db, both, globex } = tenants
    const inserted = await both(() =>
      db
        .insertInto('projects')
        .values({ id: globex.projectIds[0], name: 'taken?' })
        .onConflict((conflict) => conflict.doNothing())
        .returning('name')
        .execute(),
    )
    expect(inserted).toEqual([[{ name: 'taken?' }], []])
  })
})

test('MERGE updates, deletes and inserts in the tenant’s own rows only', async () => {
  const { db, both, acme, globex, projectsOf } = tenants
  await both(({ name }) =>
    db
      .mergeInto('projects')
      .using(
        sql<{
          name: string
        }>`(values ('acme app'), ('globex app'), ('acme new'), ('globex new'))`.as<'given'>(sql`given(name)`),
        'projects.name',
        'given.name',
      )
      .whenMatched()
      .thenUpdateSet({ status: 'merged' })
      .whenNotMatchedAnd('given.name', '=', `${name} new`)
      .thenInsertValues({ name: `${name} new` })
      .execute(),
  )
  expect(await projectsOf(acme)).toEqual(['acme app', 'acme new', 'acme website'])
  expect(await projectsOf(globex)).toEqual(['globex app', 'globex new', 'globex website'])
  expect(
    await tenants.database.query(`select name, status from projects where status = 'merged' order by 1`),
  ).toEqual([
    { name: 'acme app', status: 'merged' },
    { name: 'globex app', status: 'merged' },
  ])
})

test('withSchema changes where names lead, not whose rows they are', async () => {
  const { database, db, both } = tenants
  await database.query(`create schema other; create view other.projects with (security_invoker) as select name || ' there' as name from projects;
    grant usage on schema other to tenantry_app; grant select on other.projects to tenantry_app`)
  const seen = await both(async () => {
    const here = await db.withSchema('public').selectFrom('projects').select('name').orderBy('name').execute()
    const there = await db.withSchema('other').selectFrom('projects').select('name').orderBy('name').execute()
    return [...here, ...there].map(({ name }) => name)
  })
  expect(seen).toEqual([
    ['acme app', 'acme website', 'acme app there', 'acme website there'],
    ['globex app', 'globex website', 'globex app there', 'globex website there'],
  ])
})

test('CamelCasePlugin renames columns, the tenant’s among them', async () => {
  interface CamelCase {
    tasks: TenantOwned<{ id: Generated<string>; projectId: string; title: string }, 'tenantId'>
  }
  const { db, both, acme, globex } = tenants
  const camelCase = db.withPlugin(new CamelCasePlugin()) as unknown as Kysely<CamelCase>
  const made = await both(({ projectIds }) =>
    camelCase
      .insertInto('tasks')
      .values({ projectId: projectIds[1], title: 'made' })
      .returning(['tenantId', 'projectId'])
      .executeTakeFirstOrThrow(),
  )
  expect(made).toEqual([
    { tenantId: acme.id, projectId: acme.projectIds[1] },
    { tenantId: globex.id, projectId: globex.projectIds[1] },
  ])
  const tasks = await both(() => camelCase.selectFrom('tasks').select('title').orderBy('title').execute())
  expect(tasks.map((rows) => rows.map(({ title }) => title))).toEqual([
    ['acme task 1', 'acme task 2', 'acme task 3', 'made'],
    ['globex task 1', 'globex task 2', 'globex task 3', 'made'],
  ])
  expect(
    await tenants.database.query(
      `select tenant_id from tasks where title = 'made' and tenant_id in ($1, $2)`,
      [acme.id, globex.id],
    ),
  ).toHaveLength(2)
})

describe('connection()', () => {
  test('is one connection, the tenant’s for as long as it is held', async () => {
    const { db, both, acme, globex, projectsOf } = tenants
    const held = await both(({ name }) =>
      db.connection().execute(async (connection) => {
        const backend = async () =>
          (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)).rows[0]?.pid
        const first = await backend()
        await connection
          .insertInto('projects')
          .values({ name: `${name} held` })
          .execute()
        await connection
          .transaction()
          .execute((transaction) => transaction.updateTable('projects').set({ status: 'held' }).execute())
        return { same: first === (await backend()), pid: first }
      }),
    )
    expect(held.map(({ same }) => same)).toEqual([true, true])
    expect(held[0].pid).not.toBe(held[1].pid)
    expect(await projectsOf(acme)).toEqual(['acme app', 'acme held', 'acme website'])
    expect(await projectsOf(globex)).toEqual(['globex app', 'globex held', 'globex website'])
  })

  test('refuses statements of another tenant', async () => {
    const { db, acme, globex } = tenants
    await tenancy.run(acme.id, () =>
      db.connection().execute(async (connection) => {
        const asGlobex = () =>
          tenancy.run(globex.id, () => connection.selectFrom('projects').selectAll().execute())
        expect(await codeOf(asGlobex)).toBe('TENANT_MISMATCH')
        expect(await connection.selectFrom('projects').selectAll().execute()).toHaveLength(2)
      }),
    )
  })
})

test('destroy() ends the connections of the pool, and what is sent then is refused', async () => {
  const { database, db, both, pool } = await openTwoTenants({ application_name: 'kysely-destroy' })
  await both(() => db.selectFrom('projects').selectAll().execute())
  await db.destroy()
  expect(pool.ended).toBe(true)
  await expect(both(() => db.selectFrom('projects').selectAll().execute())).rejects.toThrow('destroyed')
  await expect
    .poll(() => database.query(`select from pg_stat_activity where application_name = 'kysely-destroy'`))
    .toEqual([])
  await database.drop()
})
