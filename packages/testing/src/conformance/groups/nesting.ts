import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { Claim, ConformanceGroup } from '../group.ts'
import type { Row } from '../harness.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS, storedProjects } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { begun } from '../until.ts'

type Enter = (bench: Bench, tenants: readonly PlantedTenant[], work: () => Promise<Row[]>) => Promise<Row[]>

/** Scopes that are not the one `{ tenantId: tenants[0].id, userId: tenants[0].userId }`. */
const OTHER_SCOPES: Readonly<Record<string, Enter>> = {
  'another tenant': ({ tenancy }, [, b], work) => tenancy.run((b as PlantedTenant).id, work),
  'another user of the same tenant': ({ tenancy }, [a, b], work) =>
    tenancy.run({ tenantId: (a as PlantedTenant).id, userId: (b as PlantedTenant).userId }, work),
  withoutTenant: ({ tenancy }, _, work) => tenancy.withoutTenant(work),
  'withoutTenant as the same user': ({ tenancy }, [a], work) =>
    tenancy.withoutTenant({ userId: (a as PlantedTenant).userId }, work),
  asSystem: ({ tenancy }, _, work) => tenancy.asSystem('the conformance suite', work),
}

function refusalClaims(): Claim[] {
  return Object.entries(OTHER_SCOPES).flatMap(([scope, enter]) => [
    claim(`a transaction refuses ${scope}, sends nothing, and stays its owner's`, async (bench) => {
      const tenants = await bench.tenants(2)
      const [a] = tenants
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run({ tenantId: a.id, userId: a.userId }, () =>
        probe.transaction(async (transaction) => {
          assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          for (const text of [LIST_PROJECTS, 'delete from projects']) {
            await probe.sendsNothing(() =>
              bench.refuses('TENANT_MISMATCH', () => enter(bench, tenants, () => transaction.query(text))),
            )
          }
          assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          await transaction.query(`update projects set name = 'still mine'`)
        }),
      )
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(Object.values(stored ?? {}), ['still mine', 'still mine', 'still mine'])
      await assertUntouched(bench.observer, [tenants[1]])
      await probe.assertWhole()
    }),

    claim(`a held connection refuses ${scope} and sends nothing`, ['checkout'], async (bench) => {
      const tenants = await bench.tenants(2)
      const [a] = tenants
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run({ tenantId: a.id, userId: a.userId }, async () => {
        const client = await probe.checkout()
        for (const text of [LIST_PROJECTS, 'delete from projects', 'begin']) {
          await probe.sendsNothing(() =>
            bench.refuses('TENANT_MISMATCH', () => enter(bench, tenants, () => client.query(text))),
          )
        }
        assertOwnProjects(await client.query(LIST_PROJECTS), a)
        await client.release()
      })
      await assertUntouched(bench.observer, tenants)
      await probe.assertWhole()
    }),
  ])
}

/** A scope inside a scope, and connections held by one while another asks. */
export const nesting: ConformanceGroup = {
  title: 'nested scopes and held connections',
  claims: [
    claim('the same tenant again joins the transaction', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run({ tenantId: a.id, userId: a.userId }, () =>
        probe.transaction(async (transaction) => {
          await transaction.query(`update projects set name = 'joined'`)
          const rows = await bench.tenancy.run(a.id, () => transaction.query(LIST_PROJECTS))
          assertOwnProjects(rows, a)
          assert.deepEqual([...new Set(rows.map((row) => row['name']))], ['joined'])
          const same = await bench.tenancy.run({ tenantId: a.id.toUpperCase(), userId: a.userId }, () =>
            transaction.query(LIST_PROJECTS),
          )
          assertOwnProjects(same, a)
        }),
      )
    }),

    ...refusalClaims(),

    claim('a transaction without a tenant refuses a tenant', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.withoutTenant(() =>
        probe.transaction(async (transaction) => {
          assert.deepEqual(await transaction.query(LIST_PROJECTS), [])
          await probe.sendsNothing(() =>
            bench.refuses('TENANT_MISMATCH', () =>
              bench.tenancy.run(a.id, () => transaction.query(LIST_PROJECTS)),
            ),
          )
          assert.deepEqual(await transaction.query(LIST_PROJECTS), [])
        }),
      )
    }),

    claim('a system transaction refuses a tenant', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.asSystem('the conformance suite', () =>
        probe.transaction(async (transaction) => {
          await transaction.query(LIST_PROJECTS)
          await probe.sendsNothing(() =>
            bench.refuses('TENANT_MISMATCH', () =>
              bench.tenancy.run(a.id, () => transaction.query(LIST_PROJECTS)),
            ),
          )
          assert.ok((await transaction.query(LIST_PROJECTS)).length >= a.projects.length)
        }),
      )
    }),

    claim('many tenants asking one transaction: only its owner is answered', async (bench) => {
      const tenants = await bench.tenants(10)
      const [owner, ...others] = tenants as [PlantedTenant, ...PlantedTenant[]]
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(owner.id, () =>
        probe.transaction(async (transaction) => {
          await Promise.all([
            ...others.map((other) =>
              bench.refuses('TENANT_MISMATCH', () =>
                bench.tenancy.run(other.id, () => transaction.query(LIST_PROJECTS)),
              ),
            ),
            ...others.map(async () => assertOwnProjects(await transaction.query(LIST_PROJECTS), owner)),
          ])
        }),
      )
    }),

    claim(
      'inside a transaction, new work for another tenant is that tenant’s, on a connection of its own',
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 2 })
        await bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
            assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
            await bench.tenancy.run(b.id, () =>
              probe.transaction(async (other) => {
                await other.query(`update projects set name = 'by b'`)
              }),
            )
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          }),
        )
        await assertUntouched(bench.observer, [a])
      },
    ),

    claim('leaving a nested scope restores the outer one', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, async () => {
        assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
        assertOwnProjects(await probe.list(), a)
        assert.deepEqual(await bench.tenancy.withoutTenant(() => probe.list()), [])
        assertOwnProjects(await probe.list(), a)
        await bench.tenancy.asSystem('the conformance suite', () => probe.list())
        assertOwnProjects(await probe.list(), a)
      })
    }),

    claim('work belongs to the scope that started it, whoever awaits it', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const list = begun(bench.tenancy.run(a.id, () => probe.operations.list()))
      const transaction = begun(
        bench.tenancy.run(a.id, () => probe.transaction((open) => open.query(LIST_PROJECTS))),
      )
      await bench.tenancy.run(b.id, async () => {
        const own = begun(probe.operations.list())
        assertOwnProjects(await list, a)
        assertOwnProjects(await transaction, a)
        assertOwnProjects(await own, b)
      })
    }),

    claim('a scope that is assigned late counts from then on', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.defer(async () => {
        await bench.refuses('TENANT_REQUIRED', () => probe.list())
        bench.tenancy.assign(a.id)
        assertOwnProjects(await probe.list(), a)
        assertOwnProjects(await probe.transaction((transaction) => transaction.query(LIST_PROJECTS)), a)
      })
    }),

    claim('a statement whose context got lost runs as the transaction it is sent on', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      const outside = AsyncLocalStorage.snapshot()
      await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          const rows = await outside(() => transaction.query(LIST_PROJECTS))
          assertOwnProjects(rows, a)
        }),
      )
    }),

    claim(
      'a statement whose context got lost runs as the held connection it is sent on',
      ['checkout'],
      async (bench) => {
        const [a] = await bench.tenants(1)
        const probe = await bench.open({ max: 1 })
        const outside = AsyncLocalStorage.snapshot()
        const client = await bench.tenancy.run(a.id, () => probe.checkout())
        assertOwnProjects(await outside(() => client.query(LIST_PROJECTS)), a)
        await outside(() => client.release())
      },
    ),

    claim(
      'a held connection may be rolled back and released from another scope',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const client = await bench.tenancy.run(a.id, () => probe.checkout())
        await bench.tenancy.run(a.id, async () => {
          await client.query('begin')
          await client.query('delete from projects')
        })
        await bench.tenancy.run(b.id, async () => {
          await client.query('rollback')
          await client.release()
        })
        await assertUntouched(bench.observer, [a, b])
        await probe.assertWhole()
      },
    ),

    claim('COMMIT from another scope is refused, and nothing is stored', ['checkout'], async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      const client = await bench.tenancy.run(a.id, () => probe.checkout())
      await bench.tenancy.run(a.id, async () => {
        await client.query('begin')
        await client.query('delete from projects')
      })
      await bench.tenancy.run(b.id, async () => {
        await bench.refuses('TENANT_MISMATCH', () => client.query('commit'))
        await client.release()
      })
      await probe.assertWhole()
      await assertUntouched(bench.observer, [a, b])
    }),
  ],
}
