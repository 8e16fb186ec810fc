import { sql, type RawBuilder } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { codeOf, openTwoTenants, tenancy, type TwoTenants } from './two-tenants.ts'

let tenants: TwoTenants
afterEach(() => tenants.close())

/** What the backends of the pool are doing. */
async function running(): Promise<string[]> {
  const rows = await tenants.database.query<{ query: string }>(
    `select query from pg_stat_activity where datname = $1 and usename = 'tenantry_app' and state = 'active'`,
    [tenants.database.name],
  )
  return rows.map(({ query }) => query)
}

/** Every connection serves the right tenant, and none is lost. */
async function expectWhole(): Promise<void> {
  const { db, both, pool, acme, globex, projectsOf } = tenants
  for (let round = 0; round < 3; round += 1) {
    const seen = await both(() => db.selectFrom('projects').select('name').orderBy('name').execute())
    expect(seen.map((rows) => rows.map(({ name }) => name))).toEqual([
      await projectsOf(acme),
      await projectsOf(globex),
    ])
  }
  await expect.poll(() => [pool.waitingCount, pool.totalCount - pool.idleCount]).toEqual([0, 0])
}

/** A change of every project of the tenant that would take a minute, were it not for the signal. */
const slowly = (name: string): RawBuilder<unknown> =>
  sql`update projects set name = ${`${name} slow`} where pg_sleep(60) is not null`

describe('abort signals', () => {
  // Where Kysely says that what was aborted has failed.
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
  afterEach(() => vi.restoreAllMocks())

  // What 0.29 added takes an argument.
  const takesSignals = sql`select 1`.execute.length > 1
  const title = takesSignals ? '' : ' (skipped: Kysely has abort signals from 0.29 on)'

  test.skipIf(!takesSignals).each(['cancel query', 'kill session'] as const)(
    `%s ends the statement on the server, through a connection that is nobody’s${title}`,
    async (inflightQueryAbortStrategy) => {
      tenants = await openTwoTenants()
      const abort = { acme: new AbortController(), globex: new AbortController() }
      const changing = tenants.both(({ name }) =>
        codeOf(() =>
          slowly(name).execute(tenants.db, {
            signal: abort[name as keyof typeof abort].signal,
            inflightQueryAbortStrategy,
          }),
        ),
      )
      await expect.poll(running).toHaveLength(2)
      abort.acme.abort(Object.assign(new Error('enough'), { code: 'ACME_ABORTED' }))
      await expect.poll(running).toHaveLength(1)
      abort.globex.abort(Object.assign(new Error('enough'), { code: 'GLOBEX_ABORTED' }))
      expect(await changing).toEqual(['ACME_ABORTED', 'GLOBEX_ABORTED'])
      await expect.poll(running).toEqual([])
      expect(await tenants.database.query(`select from projects where name like '% slow'`)).toEqual([])
      await expectWhole()
    },
  )

  test.skipIf(!takesSignals)(`what is aborted before it is sent is not sent${title}`, async () => {
    tenants = await openTwoTenants()
    const { db: kysely, acme, projectsOf } = tenants
    const signal = AbortSignal.abort(new Error('never begun'))
    await expect(
      tenancy.run(acme.id, () => kysely.deleteFrom('projects').execute({ signal })),
    ).rejects.toThrow('never begun')
    expect(await projectsOf(acme)).toEqual(['acme app', 'acme website'])
    await expectWhole()
  })

  test.skipIf(!takesSignals)(
    `a transaction goes on being the tenant’s after an abort within it${title}`,
    async () => {
      tenants = await openTwoTenants()
      const { db: kysely, acme, globex, projectsOf } = tenants
      const abort = new AbortController()
      const changing = tenancy.run(acme.id, async () => {
        const transaction = await kysely.startTransaction().execute()
        await transaction.insertInto('projects').values({ name: 'acme first' }).execute()
        const savepoint = await transaction.savepoint('slow').execute()
        await expect(
          slowly('acme').execute(savepoint, {
            signal: abort.signal,
            inflightQueryAbortStrategy: 'cancel query',
          }),
        ).rejects.toThrow('enough')
        const after = await savepoint.rollbackToSavepoint('slow').execute()
        await after.insertInto('projects').values({ name: 'acme second' }).execute()
        await transaction.commit().execute()
      })
      await expect.poll(running).toHaveLength(1)
      abort.abort(new Error('enough'))
      await changing
      expect(await projectsOf(acme)).toEqual(['acme app', 'acme first', 'acme second', 'acme website'])
      expect(await projectsOf(globex)).toEqual(['globex app', 'globex website'])
      await expectWhole()
    },
  )
})

describe('timeouts', () => {
  test('statement_timeout ends a statement on the server', async () => {
    tenants = await openTwoTenants({ statement_timeout: 50 })
    const { db, both } = tenants
    expect(await both(({ name }) => codeOf(() => slowly(name).execute(db)))).toEqual(['57014', '57014'])
    expect(await running()).toEqual([])
    await expectWhole()
  })

  test('query_timeout gives up waiting, and its connection goes', async () => {
    tenants = await openTwoTenants({ query_timeout: 200 })
    const { db, both, database } = tenants
    await expect(both(({ name }) => slowly(name).execute(db))).rejects.toThrow('timeout')
    await database.query(
      `select pg_cancel_backend(pid) from pg_stat_activity where datname = $1 and usename = 'tenantry_app' and state = 'active'`,
      [database.name],
    )
    await expect.poll(running).toEqual([])
    expect(await database.query(`select from projects where name like '% slow'`)).toEqual([])
    await expectWhole()
  })

  test('connectionTimeoutMillis ends the waiting for a connection', async () => {
    tenants = await openTwoTenants({ max: 1, connectionTimeoutMillis: 50 })
    const { db, acme, globex } = tenants
    await tenancy.run(acme.id, () =>
      db.connection().execute(async () => {
        await expect(
          tenancy.run(globex.id, () => db.selectFrom('projects').selectAll().execute()),
        ).rejects.toThrow('timeout')
      }),
    )
    await expectWhole()
  })
})
