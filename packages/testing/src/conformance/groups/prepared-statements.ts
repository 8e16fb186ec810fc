import assert from 'node:assert/strict'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Probe } from '../probe.ts'
import type { Row } from '../harness.ts'
import { assertOwnProjects, LIST_PROJECTS, LIST_PROJECTS_NAMED, storedProjects } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'

const UNDEFINED_TABLE = '42P01'

/** Enough for PostgreSQL to settle on a generic plan, which it considers from the sixth execution on. */
const EXECUTIONS = 16

/**
 * Rows that are the tenant's, or `undefined` for an error: a plan or a name may be lost, but never become another's.
 */
async function ownRowsOrError(rows: Promise<Row[]>, tenant: PlantedTenant): Promise<boolean> {
  const found = await rows.catch(() => undefined)
  if (found === undefined) return false
  assertOwnProjects(found, tenant)
  return true
}

/** Runs `disturb` between executions of one named statement by two tenants on one connection. */
async function survives(bench: Bench, disturb: (probe: Probe) => Promise<unknown>): Promise<void> {
  const [a, b] = await bench.tenants(2)
  const probe = await bench.open({ max: 1 })
  const list = (tenant: PlantedTenant): Promise<Row[]> =>
    bench.tenancy.run(tenant.id, () => probe.prepared('survivor', LIST_PROJECTS_NAMED, ['planted']))
  for (let round = 0; round < EXECUTIONS; round += 1) {
    for (const tenant of [a, b]) assertOwnProjects(await list(tenant), tenant)
  }
  await disturb(probe)
  for (let round = 0; round < 3; round += 1) {
    for (const tenant of [a, b]) {
      await ownRowsOrError(list(tenant), tenant)
      assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
    }
  }
  await probe.assertWhole()
}

/** Plans and names that outlive the tenant they were made for. */
export const preparedStatements: ConformanceGroup = {
  title: 'prepared statements',
  claims: [
    claim(
      'one named statement executed by many tenants on one connection yields each its own rows',
      ['prepared'],
      async (bench) => {
        const tenants = await bench.tenants(30, 2)
        const probe = await bench.open({ max: 1 })
        await Promise.all(
          tenants.map(async (tenant) => {
            assertOwnProjects(
              await bench.tenancy.run(tenant.id, () => probe.prepared('list', LIST_PROJECTS)),
              tenant,
            )
          }),
        )
      },
    ),

    claim(
      'a plan made for one tenant serves the next one its own rows, generic plans included',
      ['prepared'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const list = (tenant: PlantedTenant): Promise<Row[]> =>
          bench.tenancy.run(tenant.id, () => probe.prepared('list_named', LIST_PROJECTS_NAMED, ['planted']))
        for (let round = 0; round < EXECUTIONS; round += 1) assertOwnProjects(await list(a), a)
        for (let round = 0; round < EXECUTIONS; round += 1) {
          for (const tenant of [b, a]) assertOwnProjects(await list(tenant), tenant)
        }
        const without = bench.tenancy.withoutTenant(() =>
          probe.prepared('list_named', LIST_PROJECTS_NAMED, ['planted']),
        )
        assert.deepEqual(await without, [])
      },
    ),

    claim('the same text without a name yields each tenant its own rows, however often', async (bench) => {
      const tenants = await bench.tenants(3)
      const probe = await bench.open({ max: 1 })
      for (let round = 0; round < EXECUTIONS; round += 1) {
        for (const tenant of tenants) {
          const rows = await bench.tenancy.run(tenant.id, () => probe.query(LIST_PROJECTS_NAMED, ['planted']))
          assertOwnProjects(rows, tenant)
        }
      }
    }),

    claim('prepared writes of many tenants change their own rows', ['prepared'], async (bench) => {
      const tenants = await bench.tenants(12, 2)
      const probe = await bench.open({ max: 1 })
      for (let round = 0; round < 3; round += 1) {
        for (const tenant of tenants) {
          await bench.tenancy.run(tenant.id, () =>
            probe.prepared('mark', 'update projects set name = $1::text', [tenant.id]),
          )
        }
      }
      const stored = await storedProjects(bench.observer, tenants)
      for (const [index, tenant] of tenants.entries()) {
        assert.deepEqual([...new Set(Object.values(stored[index] ?? {}))], [tenant.id])
      }
    }),

    claim('one name for two texts never runs the other text', ['prepared'], async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      assertOwnProjects(await bench.tenancy.run(a.id, () => probe.prepared('ambiguous', LIST_PROJECTS)), a)
      const other = bench.tenancy.run(b.id, () => probe.prepared('ambiguous', `select 'the other' as text`))
      const rows = await other.catch(() => undefined)
      if (rows !== undefined) assert.deepEqual(rows, [{ text: 'the other' }])
      await probe.assertWhole()
    }),

    claim('a name whose statement is wrong says so every time', ['prepared'], async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      for (const tenant of [a, b, a]) {
        await bench.refuses(UNDEFINED_TABLE, () =>
          bench.tenancy.run(tenant.id, () => probe.prepared('wrong', 'select * from no_such_table')),
        )
        assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
      }
      await probe.assertWhole()
    }),

    claim('a change of the schema makes no plan serve the wrong rows', ['prepared'], (bench) =>
      survives(bench, async () => {
        await bench.observer.rows('alter table projects add column conformance_added int')
        await bench.observer.rows('alter table projects drop column conformance_added')
        await bench.observer.rows('alter table projects alter column status type varchar')
        await bench.observer.rows('alter table projects alter column status type text')
      }),
    ),

    claim(
      'a statement whose columns change fails or follows, and stays in its tenant',
      ['prepared'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const list = (): Promise<Row[]> =>
          probe.prepared(
            'all_columns',
            'select *, id::text as id, tenant_id::text as "tenantId" from projects',
          )
        for (const tenant of [a, b]) assertOwnProjects(await bench.tenancy.run(tenant.id, list), tenant)
        await bench.observer.rows('alter table projects add column conformance_column int')
        try {
          for (const tenant of [a, b, a]) {
            await ownRowsOrError(bench.tenancy.run(tenant.id, list), tenant)
            assertOwnProjects(await bench.tenancy.run(tenant.id, () => probe.list()), tenant)
          }
        } finally {
          await bench.observer.rows('alter table projects drop column conformance_column')
        }
        await probe.assertWhole()
      },
    ),

    claim('names lost by DEALLOCATE come back or fail, and stay in their tenant', ['prepared'], (bench) =>
      survives(bench, (probe) => bench.tenancy.withoutTenant(() => probe.query('deallocate all'))),
    ),

    claim('names lost by DISCARD ALL come back or fail, and stay in their tenant', ['prepared'], (bench) =>
      survives(bench, (probe) =>
        // It cannot run inside a transaction, so a library that opens one for every statement may refuse it.
        bench.tenancy.withoutTenant(() => probe.query('discard all')).catch(() => undefined),
      ),
    ),
  ],
}
