import { sql, type ControlledTransaction, type IsolationLevel } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from './kysely-subject.ts'
import { codeOf, openTwoTenants, tenancy, type TwoTenants } from './two-tenants.ts'

let tenants: TwoTenants
beforeEach(async () => {
  tenants = await openTwoTenants()
})
afterEach(() => tenants.close())

const LEVELS: readonly IsolationLevel[] = [
  'read uncommitted',
  'read committed',
  'repeatable read',
  'serializable',
]

describe('transaction()', () => {
  test.each(LEVELS)('%s, read write: what is committed is the tenant’s', async (level) => {
    const { db, both, acme, globex, projectsOf } = tenants
    const levels = await both(({ name }) =>
      db
        .transaction()
        .setIsolationLevel(level)
        .setAccessMode('read write')
        .execute(async (transaction) => {
          await transaction
            .insertInto('projects')
            .values({ name: `${name} new` })
            .execute()
          await transaction.deleteFrom('projects').where('name', 'like', '%app').execute()
          const { rows } = await sql`show transaction_isolation`.execute(transaction)
          return rows
        }),
    )
    expect(levels).toEqual([[{ transaction_isolation: level }], [{ transaction_isolation: level }]])
    expect(await projectsOf(acme)).toEqual(['acme new', 'acme website'])
    expect(await projectsOf(globex)).toEqual(['globex new', 'globex website'])
  })

  test.each(LEVELS)('%s, read only: reads the tenant’s rows and writes none', async (level) => {
    const { db, both, acme, globex, projectsOf } = tenants
    const seen = await both(() =>
      db
        .transaction()
        .setIsolationLevel(level)
        .setAccessMode('read only')
        .execute((transaction) =>
          transaction.selectFrom('projects').select('name').orderBy('name').execute(),
        ),
    )
    expect(seen.map((rows) => rows.map(({ name }) => name))).toEqual([
      ['acme app', 'acme website'],
      ['globex app', 'globex website'],
    ])
    const writing = () =>
      db
        .transaction()
        .setIsolationLevel(level)
        .setAccessMode('read only')
        .execute((transaction) => transaction.updateTable('projects').set({ name: 'written' }).execute())
    expect(await both(() => codeOf(writing))).toEqual(['25006', '25006'])
    expect([...(await projectsOf(acme)), ...(await projectsOf(globex))]).not.toContain('written')
  })

  test('undoes everything when it fails, and the connections serve other tenants then', async () => {
    const { db, both, acme, globex, projectsOf } = tenants
    const failing = ({ name }: { name: string }) =>
      db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('projects')
          .set({ name: `${name} undone` })
          .execute()
        await sql`select 1 / 0`.execute(transaction)
      })
    expect(await both((tenant) => codeOf(() => failing(tenant)))).toEqual(['22012', '22012'])
    const seen = await both(() => db.selectFrom('projects').select('name').orderBy('name').execute())
    expect(seen.map((rows) => rows.map(({ name }) => name))).toEqual([
      await projectsOf(acme),
      await projectsOf(globex),
    ])
    expect(await projectsOf(globex)).toEqual(['globex app', 'globex website'])
  })

  test('refuses statements of another tenant, and goes on', async () => {
    const { db, acme, globex, projectsOf } = tenants
    await tenancy.run(acme.id, () =>
      db.transaction().execute(async (transaction) => {
        const asGlobex = () =>
          tenancy.run(globex.id, () =>
            transaction.insertInto('projects').values({ name: 'astray' }).execute(),
          )
        expect(await codeOf(asGlobex)).toBe('TENANT_MISMATCH')
        await transaction.insertInto('projects').values({ name: 'acme kept' }).execute()
      }),
    )
    expect(await projectsOf(acme)).toEqual(['acme app', 'acme kept', 'acme website'])
    expect(await projectsOf(globex)).toEqual(['globex app', 'globex website'])
  })

  test('holds no more connections than there are transactions', async () => {
    const { db, pool, acme, globex, database } = tenants
    const renaming = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? acme : globex))
    await Promise.all(
      renaming.map((tenant) =>
        tenancy.run(tenant.id, () =>
          db.transaction().execute(async (transaction) => {
            await transaction
              .insertInto('projects')
              .values({ name: `of ${tenant.name}` })
              .execute()
            await transaction.updateTable('projects').set({ status: tenant.name }).execute()
          }),
        ),
      ),
    )
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([2, 2, 0])
    expect(
      await database.query(
        `select tenant_id, count(*)::int, array_agg(distinct status) as status from projects
         where name like 'of %' and tenant_id in ($1, $2) group by 1 order by 3`,
        [acme.id, globex.id],
      ),
    ).toEqual([
      { tenant_id: acme.id, count: 30, status: ['acme'] },
      { tenant_id: globex.id, count: 30, status: ['globex'] },
    ])
  })
})

describe('controlled transactions', () => {
  const insert = (transaction: ControlledTransaction<Database, string[]>, name: string) =>
    transaction.insertInto('projects').values({ name }).execute()

  test.each(LEVELS)('%s: savepoints undo their own part, and the tenant stays', async (level) => {
    const { db, both, acme, globex, projectsOf } = tenants
    await both(async ({ name }) => {
      const transaction = await db
        .startTransaction()
        .setIsolationLevel(level)
        .setAccessMode('read write')
        .execute()
      // First of all a savepoint, to which the transaction goes back: the tenant must not go with it.
      const first = await transaction.savepoint('first').execute()
      await insert(first, `${name} undone`)
      const again = await first.rollbackToSavepoint('first').execute()
      await insert(again, `${name} kept`)
      const second = await again.savepoint('second').execute()
      await insert(second, `${name} released`)
      const released = await second.releaseSavepoint('second').execute()
      const third = await released.savepoint('third').execute()
      expect(await codeOf(() => sql`select 1 / 0`.execute(third))).toBe('22012')
      const recovered = await third.rollbackToSavepoint('third').execute()
      expect(await recovered.selectFrom('projects').select('name').execute()).toHaveLength(4)
      await transaction.commit().execute()
    })
    expect(await projectsOf(acme)).toEqual(['acme app', 'acme kept', 'acme released', 'acme website'])
    expect(await projectsOf(globex)).toEqual([
      'globex app',
      'globex kept',
      'globex released',
      'globex website',
    ])
  })

  test('rolled back, nothing stays, and their connections are free', async () => {
    const { db, pool, both, acme, globex, projectsOf } = tenants
    await both(async () => {
      const transaction = await db.startTransaction().execute()
      await transaction.deleteFrom('projects').execute()
      await transaction.rollback().execute()
    })
    expect([await projectsOf(acme), await projectsOf(globex)].flat()).toHaveLength(4)
    expect(pool.idleCount).toBe(pool.totalCount)
  })

  test('begun for one tenant, they are not for another', async () => {
    const { db, acme, globex, projectsOf } = tenants
    const transaction = await tenancy.run(acme.id, () => db.startTransaction().execute())
    expect(await codeOf(() => tenancy.run(globex.id, () => insert(transaction, 'astray')))).toBe(
      'TENANT_MISMATCH',
    )
    // Without a scope it is the transaction's: callbacks lose theirs.
    await insert(transaction, 'acme late')
    await transaction.commit().execute()
    expect(await projectsOf(acme)).toContain('acme late')
    expect(await projectsOf(globex)).toEqual(['globex app', 'globex website'])
  })
})
