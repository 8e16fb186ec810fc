import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Probe } from '../probe.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS } from '../tenants.ts'

const INSUFFICIENT_PRIVILEGE = '42501'
const NOT_NULL_VIOLATION = '23502'

/** Asserts that work is refused for want of a tenant, before anything is sent: on a new pool and on a warm one. */
async function refusesUnscoped(bench: Bench, work: (probe: Probe) => Promise<unknown>): Promise<void> {
  const [a, b] = await bench.tenants(2)
  const probe = await bench.open()
  await probe.sendsNothing(() => bench.refuses('TENANT_REQUIRED', () => work(probe)))
  assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
  await probe.sendsNothing(() => bench.refuses('TENANT_REQUIRED', () => work(probe)))
  assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
  await assertUntouched(bench.observer, [a, b])
}

/** Work that nobody gave a tenant. */
export const failsClosed: ConformanceGroup = {
  title: 'failing closed',
  claims: [
    claim('without a scope a statement is refused and nothing is sent', (bench) =>
      refusesUnscoped(bench, (probe) => probe.query(LIST_PROJECTS)),
    ),

    claim('without a scope a write is refused and nothing is sent', (bench) =>
      refusesUnscoped(bench, (probe) => probe.query('delete from projects')),
    ),

    claim('without a scope the query builder is refused and nothing is sent', (bench) =>
      refusesUnscoped(bench, (probe) => probe.operations.list()),
    ),

    claim('without a scope a transaction is refused and nothing is sent', (bench) =>
      refusesUnscoped(bench, (probe) => probe.transaction((transaction) => transaction.query(LIST_PROJECTS))),
    ),

    claim('without a scope a callback receives the refusal and nothing is sent', ['callbacks'], (bench) =>
      refusesUnscoped(bench, (probe) => probe.promisedCallbackQuery(LIST_PROJECTS)),
    ),

    claim('without a scope a stream is refused and nothing is sent', ['streams'], (bench) =>
      refusesUnscoped(bench, async (probe) => {
        for await (const row of probe.stream(LIST_PROJECTS)) return row
        return undefined
      }),
    ),

    claim('without a scope a prepared statement is refused and nothing is sent', ['prepared'], (bench) =>
      refusesUnscoped(bench, (probe) => probe.prepared('list_projects', LIST_PROJECTS)),
    ),

    claim('without a scope a checkout is refused and nothing is sent', ['checkout'], (bench) =>
      refusesUnscoped(bench, async (probe) => {
        const client = await probe.checkout()
        try {
          return await client.query(LIST_PROJECTS)
        } finally {
          await client.release()
        }
      }),
    ),

    claim('work without a scope is refused beside work that has one, in the same tick', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 2 })
      const key = a.projects[0] as string
      const outside = AsyncLocalStorage.snapshot()
      const [own, , list] = await bench.tenancy.run(a.id, () =>
        Promise.all([
          probe.operations.find(key),
          bench.refuses('TENANT_REQUIRED', () => outside(() => probe.operations.find(key))),
          probe.operations.list(),
          bench.refuses('TENANT_REQUIRED', () => outside(() => probe.operations.list())),
        ]),
      )
      assert.equal(own?.tenantId, a.id)
      assertOwnProjects(list, a)
    }),

    claim('many refusals cost the pool nothing', async (bench) => {
      const probe = await bench.open({ max: 1 })
      for (let round = 0; round < 20; round += 1) {
        await bench.refuses('TENANT_REQUIRED', () => probe.query(LIST_PROJECTS))
        await bench.refuses('TENANT_REQUIRED', () =>
          probe.transaction((transaction) => transaction.query('select 1')),
        )
      }
      await probe.assertWhole()
    }),

    claim('withoutTenant shows no tenant row and every shared row', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, () => probe.list())
      await bench.tenancy.withoutTenant(async () => {
        assert.deepEqual(await probe.operations.list(), [])
        assert.deepEqual(await probe.query(LIST_PROJECTS), [])
        assert.deepEqual(await probe.query('select id from tenants'), [])
        assert.deepEqual(
          await probe.query('select name from plans order by name'),
          await bench.observer.rows('select name from plans order by name'),
        )
      })
    }),

    claim('withoutTenant changes no tenant row', async (bench) => {
      const tenants = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(tenants[0].id, () => probe.list())
      await bench.tenancy.withoutTenant(async () => {
        await probe.operations.updateAll('blind')
        await probe.operations.deleteAll()
        await bench.refuses([INSUFFICIENT_PRIVILEGE, NOT_NULL_VIOLATION], () =>
          probe.operations.insert('nobody'),
        )
        await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
          probe.query(`insert into projects (tenant_id, name) values ($1::uuid, 'x')`, [tenants[0].id]),
        )
      })
      await assertUntouched(bench.observer, tenants)
    }),

    claim('withoutTenant runs as the application role, with the settings that it is given', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const settings = `select current_user::text as role, current_setting('app.current_tenant_id', true) as tenant,
        current_setting('app.current_user_id', true) as "user"`
      const role = new URL(bench.urls.app).username
      await bench.tenancy.run({ tenantId: a.id, userId: 'somebody else' }, () => probe.list())
      assert.deepEqual(await bench.tenancy.withoutTenant({ userId: a.userId }, () => probe.query(settings)), [
        { role, tenant: '', user: a.userId },
      ])
      assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.query(settings)), [
        { role, tenant: '', user: '' },
      ])
      assert.deepEqual(await bench.tenancy.withoutTenant({ userId: a.userId }, () => probe.list()), [])
    }),

    claim('a transaction without a tenant sees no tenant row', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, () =>
        probe.transaction((transaction) => transaction.query(LIST_PROJECTS)),
      )
      const rows = await bench.tenancy.withoutTenant(() =>
        probe.transaction((transaction) => transaction.query(LIST_PROJECTS)),
      )
      assert.deepEqual(rows, [])
    }),

    claim(
      'the database refuses by itself: the application role without settings has no tenant',
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const client = new pg.Client({ connectionString: bench.urls.app })
        await client.connect()
        try {
          // The setting is NULL on a new connection and '' after the first transaction that had it.
          for (const settings of [
            'select 1',
            `select set_config('app.current_tenant_id', '${a.id}', true)`,
          ]) {
            await client.query(settings)
            assert.deepEqual((await client.query(LIST_PROJECTS)).rows, [])
            assert.equal((await client.query(`update projects set name = 'blind'`)).rowCount, 0)
            assert.equal((await client.query('delete from projects')).rowCount, 0)
          }
        } finally {
          await client.end()
        }
        await assertUntouched(bench.observer, [a, b])
      },
    ),
  ],
}
