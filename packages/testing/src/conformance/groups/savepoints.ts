import assert from 'node:assert/strict'
import { claim } from '../group.ts'
import type { ConformanceGroup } from '../group.ts'
import { assertOwnProjects, assertUntouched, LIST_PROJECTS, storedProjects } from '../tenants.ts'

const DIVISION_BY_ZERO = '22012'
const FAILS = 'select 1 / 0'

/** Transactions inside transactions. */
export const savepoints: ConformanceGroup = {
  title: 'savepoints',
  claims: [
    claim(
      'a nested transaction that rejects undoes its own work only, and the rest stays scoped',
      ['savepoints'],
      async (bench) => {
        const [a, b] = await bench.tenants(2)
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            await transaction.query(`update projects set name = 'outer'`)
            const inner = transaction.transaction(async (nested) => {
              await nested.query('delete from projects')
              throw new Error('undo the inner work')
            })
            await assert.rejects(inner, /undo the inner work/)
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          }),
        )
        const [stored] = await storedProjects(bench.observer, [a])
        assert.deepEqual(Object.values(stored ?? {}), ['outer', 'outer', 'outer'])
        await assertUntouched(bench.observer, [b])
      },
    ),

    claim(
      'a transaction stays scoped after its very first statement, a savepoint, is undone',
      ['savepoints'],
      async (bench) => {
        const [a] = await bench.tenants(1)
        const probe = await bench.open({ max: 1 })
        await bench.tenancy.run(a.id, () =>
          probe.transaction(async (transaction) => {
            const inner = transaction.transaction(async (nested) => {
              assertOwnProjects(await nested.query(LIST_PROJECTS), a)
              await nested.query(FAILS)
            })
            await bench.refuses(DIVISION_BY_ZERO, () => inner)
            assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
            await transaction.query(`update projects set name = 'after'`)
          }),
        )
        const [stored] = await storedProjects(bench.observer, [a])
        assert.deepEqual(Object.values(stored ?? {}), ['after', 'after', 'after'])
      },
    ),

    claim(
      'nested transactions three deep commit together, scoped throughout',
      ['savepoints'],
      async (bench) => {
        const [a, b] = await bench.tenants(2, 0)
        const probe = await bench.open({ max: 1 })
        const insert = 'insert into projects (name) values ($1::text)'
        await bench.tenancy.run(a.id, () =>
          probe.transaction(async (first) => {
            await first.query(insert, ['1'])
            await first.transaction(async (second) => {
              await second.query(insert, ['2'])
              await second.transaction(async (third) => {
                await third.query(insert, ['3'])
              })
            })
            assert.equal((await first.query(LIST_PROJECTS)).length, 3)
          }),
        )
        const [ofA, ofB] = await storedProjects(bench.observer, [a, b])
        assert.deepEqual(Object.values(ofA ?? {}).sort(), ['1', '2', '3'])
        assert.deepEqual(ofB, {})
      },
    ),

    claim('savepoints written as SQL keep the scope when they are undone', async (bench) => {
      const [a] = await bench.tenants(1)
      const probe = await bench.open({ max: 1 })
      await bench.tenancy.run(a.id, () =>
        probe.transaction(async (transaction) => {
          await transaction.query('savepoint here')
          assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          await transaction.query('rollback to savepoint here')
          assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
          await transaction.query('release savepoint here')
          assertOwnProjects(await transaction.query(LIST_PROJECTS), a)
        }),
      )
    }),
  ],
}
