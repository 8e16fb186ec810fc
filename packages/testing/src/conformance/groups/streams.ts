import assert from 'node:assert/strict'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Row } from '../harness.ts'
import type { Probe } from '../probe.ts'
import { rendezvous } from '../rendezvous.ts'
import { assertOwnProjects, LIST_PROJECTS, LIST_PROJECTS_NAMED } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { begun, until } from '../until.ts'

async function collect(rows: AsyncIterable<Row>): Promise<Row[]> {
  const collected: Row[] = []
  for await (const row of rows) collected.push(row)
  return collected
}

async function assertConnectionIsClean(bench: Bench, probe: Probe, b: PlantedTenant): Promise<void> {
  assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
  await probe.assertWhole()
}

/** Rows that arrive while other tenants are at work. */
export const streams: ConformanceGroup = {
  title: 'streams and cursors',
  claims: [
    claim('a stream holds exactly the own rows, in many batches', ['streams'], async (bench) => {
      const tenants = await bench.tenants(3, 7)
      const probe = await bench.open({ max: 1 })
      for (const tenant of tenants) {
        await bench.tenancy.run(tenant.id, async () => {
          assertOwnProjects(await collect(probe.stream(LIST_PROJECTS, [], 2)), tenant)
          assertOwnProjects(await collect(probe.stream(LIST_PROJECTS_NAMED, ['planted'], 3)), tenant)
          assertOwnProjects(await collect(probe.stream(LIST_PROJECTS, [], 100)), tenant)
        })
      }
    }),

    claim(
      'streams of several tenants advance in step, row by row, without mixing',
      ['streams'],
      async (bench) => {
        const tenants = await bench.tenants(4, 5)
        const probe = await bench.open({ max: 4 })
        const steps = Array.from({ length: 5 }, () => rendezvous(tenants.length))
        await Promise.all(
          tenants.map((tenant) =>
            bench.tenancy.run(tenant.id, async () => {
              const rows: Row[] = []
              for await (const row of probe.stream(LIST_PROJECTS, [], 1)) {
                await steps[rows.length]?.()
                rows.push(row)
              }
              assertOwnProjects(rows, tenant)
            }),
          ),
        )
      },
    ),

    claim(
      'a stream and the statements of other tenants share one connection in turn',
      ['streams'],
      async (bench) => {
        const tenants = await bench.tenants(20, 4)
        const probe = await bench.open({ max: 1 })
        await Promise.all(
          tenants.map(async (tenant, index) => {
            const rows = await bench.tenancy.run(tenant.id, () =>
              index % 2 === 0 ? collect(probe.stream(LIST_PROJECTS, [], 1)) : probe.list(),
            )
            assertOwnProjects(rows, tenant)
          }),
        )
        await probe.assertWhole()
      },
    ),

    claim('a stream belongs to the scope that made it, whoever reads it', ['streams'], async (bench) => {
      const [a, b] = await bench.tenants(2, 5)
      const probe = await bench.open({ max: 2 })
      const outside = bench.tenancy.run(a.id, () => probe.stream(LIST_PROJECTS, [], 1))
      assertOwnProjects(await collect(outside), a)
      const inAnother = bench.tenancy.run(a.id, () => probe.stream(LIST_PROJECTS, [], 1))
      await bench.tenancy.run(b.id, async () => {
        const rows: Row[] = []
        for await (const row of inAnother) {
          rows.push(row)
          assertOwnProjects(await probe.list(), b)
        }
        assertOwnProjects(rows, a)
      })
    }),

    claim('a stream that is broken off gives its connection back, clean', ['streams'], async (bench) => {
      const [a, b] = await bench.tenants(2, 9)
      const probe = await bench.open({ max: 1 })
      for (let round = 0; round < 5; round += 1) {
        await bench.tenancy.run(a.id, async () => {
          for await (const row of probe.stream(LIST_PROJECTS, [], 2)) {
            assert.equal(row['tenantId'], a.id)
            break
          }
        })
        assertOwnProjects(await bench.tenancy.run(b.id, () => probe.list()), b)
      }
      await assertConnectionIsClean(bench, probe, b)
    }),

    claim(
      'streams that are never read, or given up before their first row, cost nothing',
      ['streams'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        for (let round = 0; round < 3; round += 1) {
          bench.tenancy.run(a.id, () => probe.stream(LIST_PROJECTS))
          const givenUp = bench.tenancy.run(a.id, () => probe.stream(LIST_PROJECTS))
          await givenUp[Symbol.asyncIterator]().return?.()
        }
        await assertConnectionIsClean(bench, probe, b)
      },
    ),

    claim('a stream whose reader throws gives its connection back, clean', ['streams'], async (bench) => {
      const [a, b] = await bench.tenants(2, 9)
      const probe = await bench.open({ max: 1 })
      const failure = new Error('the reader gave up')
      const reading = bench.tenancy.run(a.id, async () => {
        for await (const row of probe.stream(LIST_PROJECTS, [], 2)) throw Object.assign(failure, { row })
      })
      await assert.rejects(reading, (error) => error === failure)
      await assertConnectionIsClean(bench, probe, b)
    }),

    claim(
      'an error midway rejects the reading with its code, and the connection goes on',
      ['streams'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        let rows = 0
        await bench.refuses('22012', () =>
          bench.tenancy.run(a.id, async () => {
            for await (const _ of probe.stream(
              'select 1 / (5 - n) as n from generate_series(1, 9) as n',
              [],
              1,
            ))
              rows += 1
          }),
        )
        assert.equal(rows, 4)
        await assertConnectionIsClean(bench, probe, b)
      },
    ),

    claim(
      'an error at the start rejects the reading with its code, and the connection goes on',
      ['streams'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        await bench.refuses('42P01', () =>
          bench.tenancy.run(a.id, () => collect(probe.stream('select * from no_such_table'))),
        )
        await assertConnectionIsClean(bench, probe, b)
      },
    ),

    claim(
      'a backend killed during a batch rejects the reading, and the pool recovers',
      ['streams'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const slow = 'select n, case when n = 3 then pg_sleep(60)::text end from generate_series(1, 9) as n'
        const reading = begun(
          bench.tenancy.run(a.id, () => assert.rejects(collect(probe.stream(slow, [], 1)))),
        )
        const sleeping = await probe.untilBackends(1, 'sleep', ({ event }) => event === 'PgSleep')
        await bench.observer.terminate(sleeping)
        await reading
        await assertConnectionIsClean(bench, probe, b)
      },
    ),

    claim(
      'a backend killed between two batches rejects the reading, and the pool recovers',
      ['streams'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const reading = bench.tenancy.run(a.id, async () => {
          for await (const row of probe.stream('select n from generate_series(1, 100000) as n', [], 1)) {
            if (row['n'] !== 3) continue
            await bench.observer.terminate(await probe.backends())
            // Once its socket is closed the subject has been told.
            await until(
              () => (probe.wire.connections.length === 0 ? undefined : 'the connection is open'),
              bench.patience,
            )
          }
        })
        await assert.rejects(reading)
        await assertConnectionIsClean(bench, probe, b)
      },
    ),

    claim(
      'the same cursor text read by many tenants yields each its own rows',
      ['streams'],
      async (bench) => {
        const tenants = await bench.tenants(12, 3)
        const probe = await bench.open({ max: 1 })
        for (const tenant of [...tenants, ...tenants.toReversed()]) {
          assertOwnProjects(
            await bench.tenancy.run(tenant.id, () => collect(probe.stream(LIST_PROJECTS, [], 1))),
            tenant,
          )
        }
      },
    ),
  ],
}
