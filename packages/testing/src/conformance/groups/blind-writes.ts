import assert from 'node:assert/strict'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { assertUntouched, storedProjects } from '../tenants.ts'

const INSUFFICIENT_PRIVILEGE = '42501'

/** Writes without a condition: the ones that a missing scope turns into a disaster. */
export const blindWrites: ConformanceGroup = {
  title: 'isolation of blind writes',
  claims: [
    claim('UPDATE without WHERE changes the own rows only', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const rows = await bench.tenancy.run(a.id, () =>
        probe.query(`update projects set name = 'blind' returning tenant_id::text as "tenantId"`),
      )
      assert.deepEqual(rows, [{ tenantId: a.id }, { tenantId: a.id }, { tenantId: a.id }])
      await assertUntouched(bench.observer, [b])
    }),

    claim('DELETE without WHERE deletes the own rows only', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, () => probe.query('delete from projects'))
      assert.deepEqual(await storedProjects(bench.observer, [a]), [{}])
      await assertUntouched(bench.observer, [b])
    }),

    claim("the query builder's update and delete of everything stay in the tenant", async (bench) => {
      const [a, b, c] = await bench.tenants(3)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, () => probe.operations.updateAll('blind'))
      await bench.tenancy.run(b.id, () => probe.operations.deleteAll())
      const [ofA, ofB] = await storedProjects(bench.observer, [a, b])
      assert.deepEqual(Object.values(ofA ?? {}), ['blind', 'blind', 'blind'])
      assert.deepEqual(ofB, {})
      await assertUntouched(bench.observer, [c])
    }),

    claim('UPDATE … FROM and DELETE … USING other rows reach the own rows only', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, async () => {
        await probe.query(`update projects p set name = 'blind' from projects q where q.id <> p.id`)
        await probe.query('delete from projects p using projects q where q.id <> p.id')
      })
      assert.deepEqual(await storedProjects(bench.observer, [a]), [{}])
      await assertUntouched(bench.observer, [b])
    }),

    claim('giving every row away is refused and changes nothing', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
        bench.tenancy.run(a.id, () => probe.query('update projects set tenant_id = $1::uuid', [b.id])),
      )
      await assertUntouched(bench.observer, [a, b])
    }),

    claim('TRUNCATE, which no policy restricts, is refused', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.refuses(INSUFFICIENT_PRIVILEGE, () =>
        bench.tenancy.run(a.id, () => probe.query('truncate projects cascade')),
      )
      await assertUntouched(bench.observer, [a, b])
    }),

    claim('blind writes inside a transaction stay in the tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          await transaction.query(`update projects set name = 'blind'`)
          await transaction.query(`delete from projects where name = 'blind'`)
        }),
      )
      assert.deepEqual(await storedProjects(bench.observer, [a]), [{}])
      await assertUntouched(bench.observer, [b])
    }),

    claim('blind writes of many tenants at once each mark their own rows', async (bench) => {
      const tenants = await bench.tenants(20)
      const probe = await bench.open({ max: 1 })
      await Promise.all(
        tenants.map((tenant) =>
          bench.tenancy.run(tenant.id, () => probe.query('update projects set name = $1::text', [tenant.id])),
        ),
      )
      const stored = await storedProjects(bench.observer, tenants)
      assert.deepEqual(
        stored.map((projects) => [...new Set(Object.values(projects))]),
        tenants.map(({ id }) => [id]),
      )
    }),
  ],
}
