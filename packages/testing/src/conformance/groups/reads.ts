import assert from 'node:assert/strict'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { assertOwnProjects, LIST_PROJECTS, LIST_PROJECTS_NAMED } from '../tenants.ts'

/** What a tenant can see. */
export const reads: ConformanceGroup = {
  title: 'isolation of reads',
  claims: [
    claim('a list through the query builder holds exactly the own rows', async (bench) => {
      const tenants = await bench.tenants(3)
      const probe = await bench.open()
      for (const tenant of tenants) {
        assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.operations.list()), tenant)
      }
    }),

    claim('raw statements see exactly the own rows, with and without values to bind', async (bench) => {
      const tenants = await bench.tenants(3)
      const probe = await bench.open()
      for (const tenant of tenants) {
        await bench.tenancy.run(tenant.id, async () => {
          assertOwnProjects(await probe.query(LIST_PROJECTS), tenant)
          assertOwnProjects(await probe.query(LIST_PROJECTS_NAMED, ['planted']), tenant)
        })
      }
    }),

    claim("another tenant's row cannot be found by its key", async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const [hers] = b.projects as [string]
      await bench.tenancy.run(a.id, async () => {
        assert.equal(await probe.operations.find(hers), undefined)
        assert.deepEqual(await probe.query('select name from projects where id = $1::uuid', [hers]), [])
        assert.deepEqual(
          await probe.query('select name from projects where tenant_id = $1::uuid', [b.id]),
          [],
        )
      })
      assert.equal((await bench.tenancy.run(b.id, () => probe.operations.find(hers)))?.tenantId, b.id)
    }),

    claim('a condition that is always true shows no other rows', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const rows = await bench.tenancy.run(a.id, () =>
        probe.query(
          `select id::text as id, tenant_id::text as "tenantId" from projects
           where tenant_id = $1::uuid or tenant_id = $2::uuid or true`,
          [a.id, b.id],
        ),
      )
      assertOwnProjects(rows, a)
    }),

    claim('joins, sub-selects, CTEs, unions and aggregates are made of the own rows', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const shapes = [
        'select count(*)::int as n from projects',
        'select count(*)::int as n from projects p join projects q using (tenant_id, id)',
        'select (select count(*) from projects)::int as n',
        'with p as materialized (select * from projects) select count(*)::int as n from p',
        'with recursive p as (select id from projects union select id from projects) select count(*)::int as n from p',
        'select count(*)::int as n from (select id from projects union select id from projects) as p',
        'select count(*)::int as n from tenants t join projects p on p.tenant_id = t.id',
        'select count(*)::int as n from generate_series(1, 1), lateral (select id from projects) as p',
        'select (count(*) filter (where exists (select from projects p where p.id = q.id)))::int as n from projects q',
      ]
      for (const [tenant, count] of [
        [a, 3],
        [b, 3],
      ] as const) {
        for (const shape of shapes) {
          assert.deepEqual(
            await bench.tenancy.run(tenant.id, () => probe.query(shape)),
            [{ n: count }],
            shape,
          )
        }
      }
    }),

    claim('the own tenant is the only tenant that is listed', async (bench) => {
      const [a] = await bench.tenants(2)
      const probe = await bench.open()
      assert.deepEqual(
        await bench.tenancy.run(a.id, () => probe.query('select id::text as id from tenants')),
        [{ id: a.id }],
      )
    }),

    claim('locking reads lock the own rows and no others', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          assertOwnProjects(await transaction.query(`${LIST_PROJECTS} for update`), a)
          const free = await bench.observer.value(
            'select count(*)::int from (select from projects where tenant_id = $1 for update skip locked) as free',
            [b.id],
          )
          assert.equal(free, b.projects.length, "another tenant's rows were locked")
        }),
      )
    }),

    claim(
      'a text of several statements shows the own rows, or is refused',
      ['severalResults'],
      async (bench) => {
        const [a] = await bench.tenants(2)
        const probe = await bench.open()
        const rows = await bench.tenancy
          .run(a.id, () => probe.query(`select 1 as one; ${LIST_PROJECTS}`))
          .catch(() => undefined)
        if (rows !== undefined)
          assertOwnProjects(
            rows.flat().filter((row) => !('one' in row)),
            a,
          )
        assertOwnProjects(await bench.tenancy.run(a.id, () => probe.list()), a)
      },
    ),

    claim('shared tables are the same for every tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const read = () => probe.query('select name from plans order by name')
      const plans = await bench.observer.rows('select name from plans order by name')
      assert.ok(plans.length > 0)
      assert.deepEqual(await bench.tenancy.run(a.id, read), plans)
      assert.deepEqual(await bench.tenancy.run(b.id, read), plans)
    }),

    claim('a tenant that does not exist sees nothing', async (bench) => {
      await bench.tenants(1)
      const probe = await bench.open()
      const nobody = '00000000-0000-4000-8000-000000000000'
      assert.deepEqual(await bench.tenancy.run(nobody, () => probe.list()), [])
    }),

    claim('tenants that take turns on one connection each see their own rows', async (bench) => {
      const tenants = await bench.tenants(3)
      const probe = await bench.open({ max: 1 })
      for (const tenant of [...tenants, ...tenants.toReversed(), ...tenants]) {
        assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
      }
    }),
  ],
}
