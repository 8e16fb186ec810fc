import assert from 'node:assert/strict'
import pg from 'pg'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Probe } from '../probe.ts'
import { assertOwnProjects, LIST_PROJECTS } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { until } from '../until.ts'

const LEFT_BEHIND = `select nullif(current_setting('app.current_tenant_id', true), ''),
  nullif(current_setting('app.current_user_id', true), '')`

/** Asks every physical connection, past the subject, which settings it carries between two uses. */
async function assertNothingLeft(bench: Bench, probe: Probe): Promise<void> {
  for (const connection of [...probe.wire.connections, ...probe.systemWire.connections]) {
    await until(() => (connection.quiet ? undefined : 'a connection is not quiet'), bench.patience)
    if (connection.ended) continue
    assert.equal(connection.status, 'idle')
    const answer = await connection.ask(LEFT_BEHIND)
    // A subject may well close a connection that it no longer trusts.
    if (answer !== undefined)
      assert.deepEqual(answer, [[null, null]], 'a pooled connection still carries settings')
  }
}

/** Uses the subject in one way as a tenant and a user, and asserts that no connection remembers. */
function leavesNothing(
  use: (bench: Bench, probe: Probe, tenant: PlantedTenant) => Promise<unknown>,
): (bench: Bench) => Promise<void> {
  return async (bench) => {
    const [a] = await bench.tenants(1)
    const probe = await bench.open({ max: 2 })
    await bench.tenancy.run({ tenantId: a.id, userId: a.userId }, () => use(bench, probe, a))
    await probe.assertAtRest()
    await assertNothingLeft(bench, probe)
    assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
  }
}

/** Forged by a statement: the statement’s own doing, and nobody else’s problem. */
const SESSION_SETS: readonly ((id: string) => string)[] = [
  (id) => `select set_config('app.current_tenant_id', '${id}', false)`,
  (id) => `select set_config('app.current_tenant_id', '${id}', true)`,
  (id) => `set app.current_tenant_id = '${id}'`,
  (id) => `set session app.current_tenant_id to '${id}'`,
  (id) => `do $$ begin perform set_config('app.current_tenant_id', '${id}', false); end $$`,
]

/** Settings between two uses of a connection. */
export const leftBehind: ConformanceGroup = {
  title: 'settings left behind',
  claims: [
    claim(
      'a statement leaves nothing',
      leavesNothing((_, probe) => Promise.all([probe.list(), probe.list()])),
    ),

    claim(
      'the query builder leaves nothing',
      leavesNothing(async (_, probe) => {
        await probe.operations.insert('left')
        await probe.operations.list()
      }),
    ),

    claim(
      'a transaction leaves nothing',
      leavesNothing((_, probe) => probe.transaction((transaction) => transaction.query(LIST_PROJECTS))),
    ),

    claim(
      'a transaction that is rolled back leaves nothing',
      leavesNothing((_, probe) =>
        assert.rejects(
          probe.transaction(async (transaction) => {
            await transaction.query(LIST_PROJECTS)
            throw new Error('undo')
          }),
        ),
      ),
    ),

    claim(
      'a nested transaction leaves nothing',
      ['savepoints'],
      leavesNothing((_, probe) =>
        probe.transaction((transaction) => transaction.transaction((nested) => nested.query(LIST_PROJECTS))),
      ),
    ),

    claim(
      'a statement that fails leaves nothing',
      leavesNothing((bench, probe) => bench.refuses('22012', () => probe.query('select 1 / 0'))),
    ),

    claim(
      'a callback query leaves nothing',
      ['callbacks'],
      leavesNothing((_, probe) => probe.promisedCallbackQuery(LIST_PROJECTS)),
    ),

    claim(
      'a prepared statement leaves nothing',
      ['prepared'],
      leavesNothing(async (_, probe) => {
        await probe.prepared('left', LIST_PROJECTS)
        await probe.prepared('left', LIST_PROJECTS)
      }),
    ),

    claim(
      'a stream leaves nothing, read to the end or broken off',
      ['streams'],
      leavesNothing(async (_, probe) => {
        for await (const row of probe.stream(LIST_PROJECTS, [], 1)) assert.ok(row)
        for await (const row of probe.stream(LIST_PROJECTS, [], 1)) {
          assert.ok(row)
          break
        }
      }),
    ),

    claim(
      'a checkout leaves nothing, whatever it did',
      ['checkout'],
      leavesNothing(async (bench, probe) => {
        const client = await probe.checkout()
        await client.query(LIST_PROJECTS)
        await client.query('begin')
        await client.query(LIST_PROJECTS)
        await client.query('commit and chain')
        await client.query(LIST_PROJECTS)
        await client.query('rollback')
        await bench.refuses('22012', () => client.query('select 1 / 0'))
        await client.release()
      }),
    ),

    claim(
      'a checkout released inside a transaction leaves nothing',
      ['checkout'],
      leavesNothing(async (_, probe) => {
        const client = await probe.checkout()
        await client.query('begin')
        await client.query(LIST_PROJECTS)
        await client.release()
      }),
    ),

    claim(
      'system access and work without a tenant leave nothing',
      leavesNothing(async (bench, probe, a) => {
        await bench.tenancy.asSystem('the conformance suite', () => probe.list())
        await bench.tenancy.withoutTenant({ userId: a.userId }, () => probe.list())
      }),
    ),

    claim('a user’s id is not seen by the next scope that has none', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const user = `select current_setting('app.current_user_id', true) as "user"`
      for (const userId of ['u1', `u'2`]) {
        assert.deepEqual(await bench.tenancy.run({ tenantId: a.id, userId }, () => probe.query(user)), [
          { user: userId },
        ])
        assert.deepEqual(await bench.tenancy.run(a.id, () => probe.query(user)), [{ user: '' }])
        assert.deepEqual(await bench.tenancy.run(b.id, () => probe.query(user)), [{ user: '' }])
        assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.query(user)), [{ user: '' }])
      }
    }),

    claim('a tenant set for the session does not show through to the next scope', async (bench) => {
      const [a, b, c] = await bench.tenants(3)
      for (const set of SESSION_SETS) {
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.run(a.id, () => probe.query(set(c.id)))
        assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
        assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
        await bench.tenancy.withoutTenant(() => probe.query(set(c.id)))
        assert.deepEqual(
          await bench.tenancy.withoutTenant(() =>
            probe.transaction((transaction) => transaction.query(LIST_PROJECTS)),
          ),
          [],
        )
        assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
      }
    }),

    claim(
      'a tenant set for the session in a committed transaction does not show through either',
      async (bench) => {
        const [a, b, c] = await bench.tenants(3)
        for (const set of SESSION_SETS) {
          const probe = await bench.open({ max: 1 })
          await bench.tenancy.run(a.id, () =>
            probe.transaction((transaction) => transaction.query(set(c.id))),
          )
          assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
          assertOwnProjects(
            await bench.tenancy.run(b.id, () =>
              probe.transaction((transaction) => transaction.query(LIST_PROJECTS)),
            ),
            b,
          )
        }
      },
    ),

    claim('a user set for the session does not show through to a scope that has none', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const user = `select current_setting('app.current_user_id', true) as "user"`
      await bench.tenancy.run(a.id, () =>
        probe.query(`select set_config('app.current_user_id', 'somebody', false)`),
      )
      assert.deepEqual(await bench.tenancy.run(a.id, () => probe.query(user)), [{ user: '' }])
      assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.query(user)), [{ user: '' }])
    }),

    claim('a tenant preset for the role or the database does not show through', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const database = new pg.Client({ connectionString: bench.urls.app }).escapeIdentifier(
        decodeURIComponent(new URL(bench.urls.app).pathname.slice(1)),
      )
      const role = new URL(bench.urls.app).username
      await bench.observer.rows(
        `alter role ${role} in database ${database} set app.current_tenant_id = '${b.id}'`,
      )
      try {
        const probe = await bench.open({ max: 1 })
        assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
        assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
        await bench.refuses('TENANT_REQUIRED', () => probe.list())
      } finally {
        await bench.observer.rows(`alter role ${role} in database ${database} reset app.current_tenant_id`)
      }
    }),
  ],
}
