import assert from 'node:assert/strict'
import pg from 'pg'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Backend } from '../observer.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { begun, until } from '../until.ts'

const QUERY_CANCELED = '57014'
const SLEEP = 'select pg_sleep(60)'
const sleeping = ({ event }: Backend): boolean => event === 'PgSleep'

/** Backends that are killed, cancelled or run out of time, as failovers, administrators and timeouts do. */
export const lostConnections: ConformanceGroup = {
  title: 'connections that are lost or interrupted',
  claims: [
    claim('a backend killed during a statement fails that statement and nothing else', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const refused = begun(assert.rejects(bench.tenancy.run(a.id, () => probe.query(SLEEP))))
      const waiting = begun(bench.tenancy.run(b.id, () => probe.list()))
      await bench.observer.terminate(await probe.untilBackends(1, 'sleep', sleeping))
      await refused
      assertOwnProjects(await waiting, b)
      await probe.assertWhole()
    }),

    claim(
      'a backend killed inside a transaction stores nothing of it and costs no connection',
      async (bench) => {
        const [a] = await bench.tenants(1)
        const probe = await bench.open({ max: 1 })
        const outcome = bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('delete from projects')
            await bench.observer.terminate(await probe.backends())
            await probe.untilBackends(0, 'remain', () => true)
            await transaction.query(LIST_PROJECTS)
          }),
        )
        await assert.rejects(outcome)
        await assertUntouched(bench.observer, [a])
        await probe.assertWhole()
      },
    ),

    claim('backends killed while idle are replaced before anybody notices', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 2 })
      await probe.assertWhole()
      await bench.tenancy.asSystem('the conformance suite', () => probe.list())
      await bench.observer.terminate([...(await probe.backends()), ...(await probe.systemBackends())])
      // Once its sockets are closed the subject has been told.
      await until(() => {
        const open = probe.wire.connections.length + probe.systemWire.connections.length
        return open === 0 ? undefined : `${open} connections are still open`
      }, bench.patience)
      assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
      assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
      assert.ok((await bench.tenancy.asSystem('the conformance suite', () => probe.list())).length >= 6)
      await probe.assertWhole()
    }),

    claim('a held connection that is killed fails its holder only', ['checkout'], async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, async () => {
        const client = await probe.checkout()
        await client.query('begin')
        await client.query('delete from projects')
        await bench.observer.terminate(await probe.backends())
        await until(
          () => (probe.wire.connections.length === 0 ? undefined : 'the connection is open'),
          bench.patience,
        )
        await assert.rejects(client.query(LIST_PROJECTS))
        await client.release()
      })
      await assertUntouched(bench.observer, [a])
      await probe.assertWhole()
    }),

    claim(
      'a held connection killed over several statements fails them all, and no one else’s',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const client = await bench.tenancy.run(a.id, () => probe.checkout())
        const statements = bench.tenancy.run(a.id, () => [
          client.query(SLEEP),
          client.query(LIST_PROJECTS),
          client.query('delete from projects'),
        ])
        const outcomes = Promise.allSettled(statements)
        const waiting = begun(bench.tenancy.run(b.id, () => probe.list()))
        await bench.observer.terminate(await probe.untilBackends(1, 'sleep', sleeping))
        assert.deepEqual(
          (await outcomes).map(({ status }) => status),
          ['rejected', 'rejected', 'rejected'],
        )
        await client.release()
        assertOwnProjects(await waiting, b)
        await assertUntouched(bench.observer, [a, b])
        await probe.assertWhole()
      },
    ),

    claim(
      'a connection killed after its release, while its last statement runs, is replaced',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const client = await bench.tenancy.run(a.id, () => probe.checkout())
        const last = begun(bench.tenancy.run(a.id, () => assert.rejects(client.query(SLEEP))))
        const sleepers = await probe.untilBackends(1, 'sleep', sleeping)
        const released = begun(Promise.resolve(client.release()))
        const waiting = begun(bench.tenancy.run(b.id, () => probe.list()))
        await bench.observer.terminate(sleepers)
        await Promise.all([last, released])
        assertOwnProjects(await waiting, b)
        await probe.assertWhole()
      },
    ),

    claim(
      'all backends killed under load: nobody gets rows of others, and the pool recovers',
      async (bench) => {
        const tenants = await bench.tenants(30, 2)
        const probe = await bench.open({ max: 3 })
        const sleepers = tenants.slice(0, 3).map(({ id }) => bench.tenancy.run(id, () => probe.query(SLEEP)))
        const lists = Promise.allSettled(tenants.map(({ id }) => bench.tenancy.run(id, () => probe.list())))
        const killed = Promise.allSettled(sleepers)
        await bench.observer.terminate(await probe.untilBackends(3, 'sleep', sleeping))
        assert.deepEqual(
          (await killed).map(({ status }) => status),
          ['rejected', 'rejected', 'rejected'],
        )
        for (const [index, outcome] of (await lists).entries()) {
          if (outcome.status === 'fulfilled')
            assertOwnProjects(outcome.value, tenants[index] as PlantedTenant)
        }
        await probe.assertWhole()
      },
    ),

    claim('a cancelled statement fails with its code, and the connection goes on', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const refused = begun(
        bench.refuses(QUERY_CANCELED, () => bench.tenancy.run(a.id, () => probe.query(SLEEP))),
      )
      const waiting = begun(bench.tenancy.run(b.id, () => probe.list()))
      await bench.observer.cancel(await probe.untilBackends(1, 'sleep', sleeping))
      await refused
      assertOwnProjects(await waiting, b)
      await probe.assertWhole()
    }),

    claim('a statement that times out undoes its transaction, and the timeout with it', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.refuses(QUERY_CANCELED, () =>
        bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('delete from projects')
            await transaction.query('set local statement_timeout = 20')
            await transaction.query(SLEEP)
          }),
        ),
      )
      await assertUntouched(bench.observer, [a])
      assert.deepEqual(
        await bench.tenancy.run(a.id, () =>
          probe.query(`select current_setting('statement_timeout') as timeout`),
        ),
        [{ timeout: '0' }],
      )
      await probe.assertWhole()
    }),

    claim('a backend killed while it commits is reported, and costs no connection', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const blocker = new pg.Client({ connectionString: bench.urls.superuser })
      await blocker.connect()
      try {
        // COMMIT checks the deferred foreign key, and so waits for this lock on the row that it refers to.
        await blocker.query('begin')
        await blocker.query('select from projects where id = $1 for update', [a.projects[0]])
        const killed = begun(
          assert.rejects(
            bench.tenancy.run(a.id, () =>
              probe.transaction(async (transaction) => {
                await transaction.query('insert into conformance_deferred (project_id) values ($1::uuid)', [
                  a.projects[0],
                ])
              }),
            ),
          ),
        )
        const committing = await probe.untilBackends(
          1,
          'commit',
          ({ state, query }) => state === 'active' && /^commit/i.test(query),
        )
        await bench.observer.terminate(committing)
        await killed
      } finally {
        await blocker.end()
      }
      const stored = 'select count(*)::int from conformance_deferred where tenant_id = $1'
      assert.equal(await bench.observer.value(stored, [a.id]), 0)
      await probe.assertWhole()
    }),
  ],
}
