import assert from 'node:assert/strict'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { ProjectRow, Row } from '../harness.ts'
import { gate } from '../rendezvous.ts'
import { assertOwnProjects, LIST_PROJECTS, LIST_PROJECTS_NAMED, storedProjects } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { begun } from '../until.ts'

/** Far more tenants than connections: whoever waits must get the connection as itself, not as whoever gave it back. */
export const poolContention: ConformanceGroup = {
  title: 'more tenants than connections',
  claims: [
    claim('300 tenants at once on one connection each see their own rows', async (bench) => {
      const tenants = await bench.tenants(300, 2)
      const probe = await bench.open({ max: 1 })
      await Promise.all(
        tenants.map(async (tenant) => {
          assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
        }),
      )
      await probe.assertWhole()
    }),

    claim(
      '300 tenants at once through the query builder on three connections each see their own rows',
      async (bench) => {
        const tenants = await bench.tenants(300, 2)
        const probe = await bench.open({ max: 3 })
        await Promise.all(
          tenants.map(async (tenant) => {
            assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.operations.list()), tenant)
          }),
        )
        await probe.assertWhole()
      },
    ),

    claim('finds by key of 60 tenants in one tick are answered to each by itself', async (bench) => {
      const tenants = await bench.tenants(60, 1)
      const probe = await bench.open({ max: 2 })
      const keys = tenants.map(({ projects }) => projects[0] as string)
      // Libraries that batch what one tick asks for must not batch across tenants.
      const finds = tenants.map((tenant, index) =>
        bench.tenancy.run(tenant.id, () =>
          Promise.all([
            probe.operations.find(keys[index] as string),
            probe.operations.find(keys[(index + 1) % keys.length] as string),
          ]),
        ),
      )
      for (const [index, [own, foreign]] of (await Promise.all(finds)).entries()) {
        assert.equal(own?.tenantId, tenants[index]?.id)
        assert.equal(foreign, undefined, "another tenant's row was found")
      }
    }),

    claim('users of one tenant at once each carry their own id', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 2 })
      const users = Array.from({ length: 40 }, (_, index) => `user ${index}`)
      const rows = await Promise.all(
        users.map((userId) =>
          bench.tenancy.run({ tenantId: a.id, userId }, () =>
            probe.query(`select current_setting('app.current_user_id', true) as "user"`),
          ),
        ),
      )
      assert.deepEqual(
        rows.map(([row]) => row?.['user']),
        users,
      )
    }),

    claim(
      'transactions of 100 tenants on one connection each see and change their own rows',
      async (bench) => {
        const tenants = await bench.tenants(100, 2)
        const probe = await bench.open({ max: 1 })
        await Promise.all(
          tenants.map((tenant) =>
            bench.tenancy.run(tenant.id, () =>
              probe.transaction(async (transaction) => {
                assertOwnProjects(await transaction.query(LIST_PROJECTS), tenant)
                await transaction.query('update projects set name = $1::text', [tenant.id])
              }),
            ),
          ),
        )
        await assertMarked(tenants, await storedProjects(bench.observer, tenants))
        await probe.assertWhole()
      },
    ),

    claim('writes of 200 tenants on two connections all arrive at home', async (bench) => {
      const tenants = await bench.tenants(200, 0)
      const probe = await bench.open({ max: 2 })
      await Promise.all(
        tenants.map((tenant) => bench.tenancy.run(tenant.id, () => probe.operations.insert(tenant.id))),
      )
      await assertMarked(tenants, await storedProjects(bench.observer, tenants))
    }),

    claim(
      'callbacks of 200 tenants on one connection each receive their own rows',
      ['callbacks'],
      async (bench) => {
        const tenants = await bench.tenants(200, 2)
        const probe = await bench.open({ max: 1 })
        await Promise.all(
          tenants.map(async (tenant) => {
            assertOwnProjects(
              await bench.tenancy.run(tenant.id, () => probe.promisedCallbackQuery(LIST_PROJECTS)),
              tenant,
            )
          }),
        )
        await probe.assertWhole()
      },
    ),

    claim(
      'a callback runs in the scope of its caller, and so does what it asks next',
      ['callbacks'],
      async (bench) => {
        const tenants = await bench.tenants(50, 2)
        const probe = await bench.open({ max: 1 })
        // Whoever opens the connection must not become the context of everybody's callbacks.
        await bench.tenancy.run((tenants[0] as PlantedTenant).id, () => probe.list())
        await Promise.all(
          tenants.map(async (tenant) => {
            const rows = await bench.tenancy.run(
              tenant.id,
              () =>
                new Promise<readonly unknown[] | undefined>((resolve, reject) => {
                  probe.callbackQuery(LIST_PROJECTS, [], (error) => {
                    if (error) return reject(error)
                    if (bench.tenancy.current()?.values['tenantId'] !== tenant.id) {
                      return reject(
                        new Error(`the callback of ${tenant.id} runs in ${bench.tenancy.current()?.key}`),
                      )
                    }
                    probe.callbackQuery(LIST_PROJECTS, [], (later, found) =>
                      later ? reject(later) : resolve(found),
                    )
                  })
                }),
            )
            assertOwnProjects(rows as never, tenant)
          }),
        )
      },
    ),

    claim(
      'promises, transactions, callbacks, checkouts and prepared statements mix on two connections',
      async (bench) => {
        const tenants = await bench.tenants(150, 2)
        const probe = await bench.open({ max: 2 })
        const ways: readonly (() => Promise<Row[] | ProjectRow[]>)[] = [
          () => probe.list(),
          () => probe.query(LIST_PROJECTS_NAMED, ['planted']),
          () => probe.operations.list(),
          () => probe.transaction((transaction) => transaction.query(LIST_PROJECTS)),
          ...(probe.offers('callbacks') ? [() => probe.promisedCallbackQuery(LIST_PROJECTS)] : []),
          ...(probe.offers('prepared') ? [() => probe.prepared('list_projects', LIST_PROJECTS)] : []),
          ...(probe.offers('checkout')
            ? [
                async () => {
                  const client = await probe.checkout()
                  try {
                    return await client.query(LIST_PROJECTS)
                  } finally {
                    await client.release()
                  }
                },
              ]
            : []),
        ]
        await Promise.all(
          tenants.map(async (tenant, index) => {
            const way = ways[index % ways.length] ?? (() => probe.list())
            assertOwnProjects(await bench.tenancy.run(tenant.id, way), tenant)
          }),
        )
        await probe.assertWhole()
      },
    ),

    claim('tenants, work without a tenant and system work take turns on one connection', async (bench) => {
      const tenants = await bench.tenants(40, 2)
      const probe = await bench.open({ max: 1 })
      await Promise.all(
        tenants.flatMap((tenant) => [
          bench.tenancy.run(tenant.id, () => probe.list()).then((rows) => assertOwnProjects(rows, tenant)),
          bench.tenancy.withoutTenant(() => probe.list()).then((rows) => assert.deepEqual(rows, [])),
          bench.tenancy
            .asSystem('the conformance suite', () => probe.query('select count(*)::int as n from projects'))
            .then(([row]) => assert.ok(Number(row?.['n']) >= tenants.length * 2)),
        ]),
      )
    }),

    claim('work that waits for a connection stays its caller’s, whoever frees it', async (bench) => {
      const tenants = await bench.tenants(20, 2)
      const [holder, ...waiting] = tenants as [PlantedTenant, ...PlantedTenant[]]
      const probe = await bench.open({ max: 1 })
      const held = gate()
      const freed = gate()
      const holding = begun(
        bench.tenancy.run(holder.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query(LIST_PROJECTS)
            held.open()
            await freed.passed
          }),
        ),
      )
      await held.passed
      const lists = begun(
        Promise.all(waiting.map((tenant) => bench.tenancy.run(tenant.id, () => probe.list()))),
      )
      await bench.tenancy.withoutTenant(async () => freed.open())
      for (const [index, rows] of (await lists).entries())
        assertOwnProjects(rows, waiting[index] as PlantedTenant)
      await holding
    }),

    claim(
      'a checkout that waits belongs to the scope in which it was asked for',
      ['checkout'],
      async (bench) => {
        const tenants = await bench.tenants(10, 2)
        const probe = await bench.open({ max: 1 })
        const [opener, other] = [tenants[0] as PlantedTenant, tenants[9] as PlantedTenant]
        const first = await bench.tenancy.run(opener.id, () => probe.checkout())
        const checkouts = tenants.map((tenant) => begun(bench.tenancy.run(tenant.id, () => probe.checkout())))
        await bench.tenancy.run(other.id, () => first.release())
        for (const [index, checkout] of checkouts.entries()) {
          const client = await checkout
          // No scope here: the checkout alone says whose it is.
          assertOwnProjects(await client.query(LIST_PROJECTS), tenants[index] as PlantedTenant)
          await bench.tenancy.run(other.id, () => client.release())
        }
        await probe.assertWhole()
      },
    ),

    claim('failing statements of many tenants take nothing from the others', async (bench) => {
      const tenants = await bench.tenants(60, 2)
      const probe = await bench.open({ max: 2 })
      await Promise.all(
        tenants.map(async (tenant, index) => {
          if (index % 3 === 0) {
            await bench.refuses('22012', () =>
              bench.tenancy.run(tenant.id, () => probe.query('select 1 / 0')),
            )
          }
          assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
        }),
      )
      await probe.assertWhole()
    }),

    claim('the pool counts its connections truly under load', ['counts'], async (bench) => {
      const tenants = await bench.tenants(30, 1)
      const probe = await bench.open({ max: 2 })
      const lists = tenants.map((tenant) => begun(bench.tenancy.run(tenant.id, () => probe.list())))
      await probe.untilWaiting()
      await Promise.all(lists)
      await probe.assertAtRest()
      const { total, idle, waiting } = probe.counts()
      assert.deepEqual({ total, idle, waiting }, { total: 2, idle: 2, waiting: 0 })
      assert.equal((await probe.backends()).length, 2)
    }),
  ],
}

async function assertMarked(
  tenants: readonly PlantedTenant[],
  stored: readonly Record<string, string>[],
): Promise<void> {
  for (const [index, tenant] of tenants.entries()) {
    assert.deepEqual([...new Set(Object.values(stored[index] ?? {}))], [tenant.id])
  }
}
