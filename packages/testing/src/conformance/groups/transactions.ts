import assert from 'node:assert/strict'
import type { Bench } from '../bench.ts'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import type { Probe } from '../probe.ts'
import { rendezvous } from '../rendezvous.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS, storedProjects } from '../tenants.ts'
import type { PlantedTenant } from '../tenants.ts'
import { begun } from '../until.ts'

const DIVISION_BY_ZERO = '22012'
const IN_FAILED_TRANSACTION = '25P02'
const READ_ONLY_TRANSACTION = '25006'
const SERIALIZATION_FAILURE = '40001'
const FOREIGN_KEY_VIOLATION = '23503'

const ISOLATION_LEVELS = ['read committed', 'repeatable read', 'serializable'] as const
const FAILS = 'select 1 / 0'

/** Transactions and isolation levels. */
export const transactions: ConformanceGroup = {
  title: 'transactions',
  claims: [
    claim('every statement of a transaction is scoped, the first and the last', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      for (const tenant of [a, b, a]) {
        await bench.tenancy.run(tenant.id, () =>
          probe.transaction(async (transaction) => {
            for (let statement = 0; statement < 4; statement += 1) {
              assertOwnProjects(await transaction.query(LIST_PROJECTS), tenant)
            }
          }),
        )
      }
    }),

    claim('statements sent together in one transaction are all scoped', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 2 })
      await Promise.all(
        [a, b].map((tenant) =>
          bench.tenancy.run(tenant.id, () =>
            probe.transaction(async (transaction) => {
              const lists = await Promise.all(
                Array.from({ length: 5 }, () => transaction.query(LIST_PROJECTS)),
              )
              for (const rows of lists) assertOwnProjects(rows, tenant)
            }),
          ),
        ),
      )
    }),

    claim('a committed transaction is stored, in its own tenant', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open()
      const result = await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          await transaction.query(`update projects set name = 'committed'`)
          assert.equal(
            await bench.observer.value(`select count(*)::int from projects where name = 'committed'`),
            0,
            'visible before the commit: this was no transaction',
          )
          return 'the result of the work'
        }),
      )
      assert.equal(result, 'the result of the work')
      const [stored] = await storedProjects(bench.observer, [a])
      assert.deepEqual(Object.values(stored ?? {}), ['committed', 'committed', 'committed'])
      await assertUntouched(bench.observer, [b])
    }),

    claim(
      'a transaction whose work rejects is rolled back, and rejects with that very error',
      async (bench) => {
        const tenants = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        const failure = new Error('the work changed its mind')
        const outcome = bench.tenancy.run(tenants[0].id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('delete from projects')
            assert.deepEqual(await transaction.query(LIST_PROJECTS), [])
            throw failure
          }),
        )
        await assert.rejects(outcome, (error) => error === failure)
        await assertUntouched(bench.observer, tenants)
        await probe.assertWhole()
      },
    ),

    claim('a transaction rejects with the first error of the database, and is rolled back', async (bench) => {
      const tenants = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      await bench.refuses(DIVISION_BY_ZERO, () =>
        bench.tenancy.run(tenants[0].id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('delete from projects')
            await transaction.query(FAILS)
          }),
        ),
      )
      await assertUntouched(bench.observer, tenants)
      await probe.assertWhole()
    }),

    claim('a transaction whose rollback fails is rejected, and leaves nothing behind', async (bench) => {
      const { outcome, probe, tenant } = await rollbackThatFails(bench, new Error('the first error'))
      await assert.rejects(outcome)
      await assertUntouched(bench.observer, [tenant])
      await probe.assertWhole()
    }),

    claim('a failing rollback does not hide the first error', ['firstErrors'], async (bench) => {
      const failure = new Error('the first error')
      const { outcome } = await rollbackThatFails(bench, failure)
      await assert.rejects(outcome, (error) => error === failure)
    }),

    claim(
      'an error of the database that the work swallows still fails what follows and stores nothing',
      async (bench) => {
        const [a] = await bench.tenants(1)
        const probe = await bench.open({ max: 1 })
        // Some libraries report the failed COMMIT, others (like PostgreSQL) turn it into a silent ROLLBACK.
        await bench.tenancy
          .run(a.id, () =>
            probe.transaction(async (transaction) => {
              await transaction.query('delete from projects')
              await transaction.query(FAILS).catch(() => undefined)
              await bench.refuses(IN_FAILED_TRANSACTION, () => transaction.query(LIST_PROJECTS))
            }),
          )
          .catch(() => undefined)
        await assertUntouched(bench.observer, [a])
        await probe.assertWhole()
      },
    ),

    claim('an error that only COMMIT brings is reported', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.refuses(FOREIGN_KEY_VIOLATION, () =>
        bench.tenancy.run(a.id, () =>
          probe.transaction((transaction) =>
            transaction.query(`insert into conformance_deferred (project_id) values (gen_random_uuid())`),
          ),
        ),
      )
      await probe.assertWhole()
    }),

    claim('every isolation level can be chosen and is scoped', ['isolationLevels'], async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      for (const isolation of ISOLATION_LEVELS) {
        await bench.tenancy.run(a.id, () =>
          probe.transaction(
            async (transaction) => {
              assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
              assert.deepEqual(
                await transaction.query(`select current_setting('transaction_isolation') as level`),
                [{ level: isolation }],
              )
            },
            { isolation },
          ),
        )
      }
    }),

    claim('SET TRANSACTION works as the first statement, and the rest is scoped', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      for (const tenant of [a, b]) {
        await bench.tenancy.run(tenant.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query('set transaction isolation level serializable')
            assertOwnProjects(await transaction.query(LIST_PROJECTS), tenant)
            assert.deepEqual(
              await transaction.query(`select current_setting('transaction_isolation') as level`),
              [{ level: 'serializable' }],
            )
          }),
        )
      }
    }),

    claim('a read-only transaction reads the own rows and writes none', ['readOnly'], async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.refuses(READ_ONLY_TRANSACTION, () =>
        bench.tenancy.run(a.id, () =>
          probe.transaction(
            async (transaction) => {
              assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
              await transaction.query('delete from projects')
            },
            { readOnly: true },
          ),
        ),
      )
      await assertUntouched(bench.observer, [a])
    }),

    claim('a serialization failure is passed on with its code', ['isolationLevels'], async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 2 })
      const bothRead = rendezvous(2)
      const outcomes = await Promise.allSettled(
        ['one', 'other'].map((name) =>
          bench.tenancy.run(a.id, () =>
            probe.transaction(
              async (transaction) => {
                await transaction.query(LIST_PROJECTS)
                await bothRead()
                await transaction.query('update projects set name = $1::text', [name])
              },
              { isolation: 'serializable' },
            ),
          ),
        ),
      )
      const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
      assert.deepEqual(
        failures.map(({ reason }) => bench.codeOf(reason)),
        [SERIALIZATION_FAILURE],
      )
      const [stored] = await storedProjects(bench.observer, [a])
      assert.equal(new Set(Object.values(stored ?? {})).size, 1)
    }),

    claim('transactions of two tenants that interleave on two connections do not mix', async (bench) => {
      const tenants = await bench.tenants(2)
      const probe = await bench.open({ max: 2 })
      const steps = Array.from({ length: 4 }, () => rendezvous(2))
      await Promise.all(
        tenants.map((tenant) =>
          bench.tenancy.run(tenant.id, () =>
            probe.transaction(async (transaction) => {
              for (const step of steps) {
                await step()
                assertOwnProjects(await transaction.query(LIST_PROJECTS), tenant)
                await transaction.query('update projects set name = $1::text', [tenant.id])
              }
            }),
          ),
        ),
      )
      const stored = await storedProjects(bench.observer, tenants)
      for (const [index, tenant] of tenants.entries()) {
        assert.deepEqual([...new Set(Object.values(stored[index] ?? {}))], [tenant.id])
      }
    }),

    claim('what drops settings inside a transaction does not drop the scope', async (bench) => {
      const [a, b] = await bench.tenants(2)
      const probe = await bench.open({ max: 1 })
      for (const drop of [
        'reset all',
        'reset app.current_tenant_id',
        `set local app.current_tenant_id = ''`,
        `set local app.current_tenant_id = '${b.id}'`,
      ]) {
        await bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
            await transaction.query(drop)
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          }),
        )
      }
    }),

    claim(
      'a held connection is scoped before, inside, between and after its transactions',
      ['checkout'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        for (const tenant of [a, b]) {
          await bench.tenancy.run(tenant.id, async () => {
            const client = await probe.checkout()
            for (const control of [
              'begin',
              'commit and chain',
              'commit',
              'begin isolation level serializable',
              'rollback and chain',
              'rollback',
              'start transaction read only',
              'end',
              'discard all',
              'begin',
              'abort',
            ]) {
              assertOwnProjects(await client.query(LIST_PROJECTS), tenant)
              await client.query(control)
              assertOwnProjects(await client.query(LIST_PROJECTS), tenant)
            }
            await client.release()
          })
        }
      },
    ),
  ],
}

/** A transaction whose work fails after its connection was lost, so that the rollback fails too. */
async function rollbackThatFails(
  bench: Bench,
  failure: Error,
): Promise<{ outcome: Promise<unknown>; probe: Probe; tenant: PlantedTenant }> {
  const [tenant] = await bench.tenants(1)
  const probe = await bench.open({ max: 1 })
  const outcome = bench.tenancy.run(tenant.id, () =>
    probe.transaction(async (transaction) => {
      await transaction.query('delete from projects')
      await bench.observer.terminate(await probe.backends())
      await probe.untilBackends(0, 'remain', () => true)
      throw failure
    }),
  )
  return { outcome: begun(outcome), probe, tenant }
}
