import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS, storedProjects } from '../tenants.ts'
import { begun } from '../until.ts'

/** Connections after errors, and given back in whatever state: whether the next tenant on them notices. */
export const poisoning: ConformanceGroup = {
  title: 'connections after failures',
  claims: [
    claim('after each kind of failing statement the connection is the next tenant’s', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const failures: [code: string, text: string, values?: unknown[]][] = [
        ['42601', 'selekt 1'],
        ['42P01', 'select * from no_such_table'],
        ['22012', 'select 1 / 0'],
        ['22012', 'select 1 / $1::int', [0]],
        ['22P02', 'select $1::int', ['no number']],
        ['42501', 'insert into projects (tenant_id, name) values ($1::uuid, $2::text)', [b.id, 'x']],
        ['23505', 'insert into projects (id, name) values ($1::uuid, $2::text)', [a.projects[0], 'x']],
        ['P0001', `do $$ begin raise exception 'raised'; end $$`],
      ]
      for (const [code, text, values] of failures) {
        await bench.refuses(code, () => bench.tenancy.run(a.id, () => probe.query(text, values)))
        assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
      }
      await assertUntouched(bench.observer, [a, b])
      await probe.assertWhole()
    }),

    claim(
      'a failed transaction that was released as it was does not reach the next tenant',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.run(a.id, async () => {
          const client = await probe.checkout()
          await client.query('begin')
          await client.query('delete from projects')
          await bench.refuses('22012', () => client.query('select 1 / 0'))
          await client.release()
        })
        assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
        await assertUntouched(bench.observer, [a])
        await probe.assertWhole()
      },
    ),

    claim(
      'a connection released inside a transaction is rolled back, and the next tenant is outside of it',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.run(a.id, async () => {
          const client = await probe.checkout()
          await client.query('begin')
          await client.query('delete from projects')
          await client.release()
        })
        await bench.tenancy.run(b.id, () => probe.query(`update projects set name = 'kept'`))
        await assertUntouched(bench.observer, [a])
        const [stored] = await storedProjects(bench.observer, [b])
        assert.deepEqual(Object.values(stored ?? {}), ['kept', 'kept', 'kept'])
        await probe.assertWhole()
      },
    ),

    claim(
      'a connection released while BEGIN is under way is not the next tenant’s transaction',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const client = await bench.tenancy.run(a.id, () => probe.checkout())
        const beginning = bench.tenancy.run(a.id, () => client.query('begin')).catch(() => undefined)
        await Promise.all([client.release(), beginning])
        await bench.tenancy.run(b.id, () => probe.query(`update projects set name = 'kept'`))
        const [stored] = await storedProjects(bench.observer, [b])
        assert.deepEqual(Object.values(stored ?? {}), ['kept', 'kept', 'kept'])
        await probe.assertWhole()
      },
    ),

    claim('statements still queued at release never act for the next tenant', ['checkout'], async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const client = await bench.tenancy.run(a.id, () => probe.checkout())
      const queued = bench.tenancy.run(a.id, () => [
        client.query('select pg_sleep(0.05)'),
        client.query(LIST_PROJECTS),
        client.query(`update projects set name = 'queued'`),
        client.query(LIST_PROJECTS),
      ])
      const outcomes = Promise.allSettled(queued)
      const released = client.release()
      assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
      await released
      const [, first, , second] = await outcomes
      for (const outcome of [first, second]) {
        if (outcome?.status === 'fulfilled') assertOwnProjects(outcome.value, a)
      }
      await assertUntouched(bench.observer, [b])
      await probe.assertWhole()
    }),

    claim('a second release does not free the next holder’s connection', ['checkout'], async (bench) => {
      const [a, b, c] = await bench.tenants(3)
      const probe = await bench.open({ max: 1 })
      const first = await bench.tenancy.run(a.id, () => probe.checkout())
      await first.release()
      const second = await bench.tenancy.run(b.id, () => probe.checkout())
      await bench.tenancy.run(b.id, async () => {
        await second.query('begin')
        await second.query('delete from projects')
      })
      // It may throw or do nothing.
      await Promise.resolve()
        .then(() => first.release())
        .catch(() => undefined)
      let served = false
      const third = begun(
        bench.tenancy
          .run(c.id, () => probe.query(`update projects set name = 'kept'`))
          .then(() => {
            served = true
          }),
      )
      await bench.tenancy.run(b.id, async () => {
        for (let round = 0; round < 3; round += 1) assert.deepEqual(await second.query(LIST_PROJECTS), [])
        assert.equal(served, false, 'another tenant was let onto a held connection')
        await second.query('rollback')
        await second.release()
      })
      await third
      await assertUntouched(bench.observer, [a, b])
      const [stored] = await storedProjects(bench.observer, [c])
      assert.deepEqual(Object.values(stored ?? {}), ['kept', 'kept', 'kept'])
      await probe.assertWhole()
    }),

    claim(
      'a handle is dead after release: it reaches neither the database nor the next holder',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const outside = AsyncLocalStorage.snapshot()
        const stale = await bench.tenancy.run(a.id, () => probe.checkout())
        await bench.tenancy.run(a.id, () => stale.query(LIST_PROJECTS))
        await stale.release()
        const next = await bench.tenancy.run(b.id, () => probe.checkout())
        await bench.tenancy.run(b.id, () => next.query('begin'))
        for (const text of [LIST_PROJECTS, 'delete from projects', 'rollback']) {
          await probe.sendsNothing(async () => {
            await assert.rejects(async () => await bench.tenancy.run(a.id, () => stale.query(text)))
            await assert.rejects(async () => await bench.tenancy.run(b.id, () => stale.query(text)))
            await assert.rejects(async () => await outside(() => stale.query(text)))
          })
        }
        await bench.tenancy.run(b.id, async () => {
          assertOwnProjects(await next.query(LIST_PROJECTS), b)
          await next.query('commit')
          await next.release()
        })
        await assertUntouched(bench.observer, [a, b])
        await probe.assertWhole()
      },
    ),

    claim('a finished transaction refuses its handle', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const stale = await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          await transaction.query(LIST_PROJECTS)
          return transaction
        }),
      )
      await bench.tenancy.run(b.id, () =>
        probe.transaction(async (transaction) => {
          await transaction.query(LIST_PROJECTS)
          await probe.sendsNothing(async () => {
            await assert.rejects(async () => await stale.query('delete from projects'))
            await assert.rejects(
              async () => await bench.tenancy.run(a.id, () => stale.query('delete from projects')),
            )
          })
          assertOwnProjects(await transaction.query(LIST_PROJECTS), b)
        }),
      )
      await assertUntouched(bench.observer, [a, b])
      await probe.assertWhole()
    }),

    claim(
      'a text that ends its transaction midway is refused, or shows and changes nothing of others',
      async (bench) => {
        const tenants = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        for (const text of [
          `commit; ${LIST_PROJECTS}`,
          `rollback; ${LIST_PROJECTS}`,
          `select 1; commit; begin; ${LIST_PROJECTS}`,
          `begin; ${LIST_PROJECTS}`,
          `${LIST_PROJECTS}; begin`,
          `commit; delete from projects where tenant_id <> '${tenants[0].id}'`,
          `do $$ begin commit; delete from projects where tenant_id <> '${tenants[0].id}'; end $$`,
        ]) {
          const rows = await bench.tenancy.run(tenants[0].id, () => probe.query(text)).catch(() => [])
          const foreign = rows.filter((row) => (row['tenantId'] ?? tenants[0].id) !== tenants[0].id)
          assert.deepEqual(foreign, [], text)
          assertOwnProjects(await bench.tenancy.run(tenants[1].id, () => probe.list()), tenants[1])
          assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [], text)
          await probe.assertAtRest()
        }
        await assertUntouched(bench.observer, tenants)
        await probe.assertWhole()
      },
    ),

    claim('BEGIN as a statement of its own is refused or comes to nothing', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      for (const control of ['begin', 'start transaction', 'commit', 'rollback']) {
        await bench.tenancy.run(a.id, () => probe.query(control)).catch(() => undefined)
        await bench.tenancy.run(b.id, () => probe.query('update projects set name = $1::text', [control]))
        const [stored] = await storedProjects(bench.observer, [b])
        assert.deepEqual(Object.values(stored ?? {}), [control, control, control])
      }
      await probe.assertWhole()
    }),
  ],
}
