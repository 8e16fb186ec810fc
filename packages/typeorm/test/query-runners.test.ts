import { once } from 'node:events'
import { TenantryError } from '@tenantry/core'
import type { TenantPool } from '@tenantry/core/pg'
import type { DataSource } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { Project } from './entities.ts'
import { naiveDataSource } from './naive-data-source.ts'
import { ACME, codeOf, GLOBEX, tenancy, useTwoTenants } from './test-database.ts'

const fixture = useTwoTenants()

const acme = <Result>(work: () => Result) => tenancy.run(ACME, work)
const globex = <Result>(work: () => Result) => tenancy.run(GLOBEX, work)

const NAMES = 'select name from projects order by name'

const read = async (target: { query(text: string): Promise<unknown> }): Promise<string[]> =>
  ((await target.query(NAMES)) as { name: string }[]).map(({ name }) => name)

/** As a superuser sees it. */
const stored = async (name: string): Promise<unknown[]> =>
  fixture.database.query('select tenant_id, status from projects where name = $1', [name])

/** Nobody holds a connection, and those there are serve both tenants. */
async function expectWhole({ dataSource } = fixture): Promise<void> {
  const { pool } = dataSource
  // A release waits for the server's last word.
  await eventually(() => expect(pool.idleCount).toBe(pool.totalCount))
  expect(await acme(() => read(dataSource))).toEqual(['acme app', 'acme website'])
  expect(await globex(() => read(dataSource))).toEqual(['globex app', 'globex website'])
}

async function withNaive(work: (naive: DataSource) => Promise<void>): Promise<void> {
  const naive = naiveDataSource(fixture.database.urls.app, { entities: fixture.dataSource.options.entities })
  await tenancy.withoutTenant(() => naive.initialize())
  try {
    await work(naive)
  } finally {
    await naive.destroy()
  }
}

describe('a query runner', () => {
  // Trap 14.
  test('that was first used with no scope can never connect again; here it can', async () => {
    await withNaive(async (naive) => {
      const queryRunner = naive.createQueryRunner()
      expect(await codeOf(() => queryRunner.query(NAMES))).toBe('TENANT_REQUIRED')
      expect(await acme(() => codeOf(() => queryRunner.query(NAMES)))).toBe('TENANT_REQUIRED')
      await queryRunner.release()
    })
    const queryRunner = fixture.dataSource.createQueryRunner()
    const refusals = await Promise.all([1, 2].map(() => codeOf(() => queryRunner.query(NAMES))))
    expect(refusals).toEqual(['TENANT_REQUIRED', 'TENANT_REQUIRED'])
    expect(await acme(() => read(queryRunner))).toEqual(['acme app', 'acme website'])
    await queryRunner.release()
    await expectWhole()
  })

  // Trap 15.
  test('held for a tenant refuses every other scope, and works on without one', async () => {
    const queryRunner = await acme(async () => {
      const made = fixture.dataSource.createQueryRunner()
      await made.connect()
      return made
    })
    const refused = () => codeOf(() => queryRunner.query(NAMES))
    expect(await globex(refused)).toBe('TENANT_MISMATCH')
    expect(await tenancy.withoutTenant(refused)).toBe('TENANT_MISMATCH')
    expect(await tenancy.asSystem('a test', refused)).toBe('TENANT_MISMATCH')
    expect(await tenancy.run({ tenantId: ACME, userId: 'somebody' }, refused)).toBe('TENANT_MISMATCH')
    expect(await read(queryRunner)).toEqual(['acme app', 'acme website'])
    await globex(() => queryRunner.release())
    await expect(acme(() => queryRunner.query(NAMES))).rejects.toThrow(/released/)
    await expectWhole()
  })

  test('rejects with the refusal itself, which TypeORM wraps as an error of the database', async () => {
    const work = async (dataSource: DataSource) => {
      const queryRunner = dataSource.createQueryRunner()
      await acme(() => queryRunner.connect())
      try {
        return await globex(() => queryRunner.query(NAMES)).catch((error: unknown) => error)
      } finally {
        await queryRunner.release()
      }
    }
    await withNaive(async (naive) => expect(TenantryError.isInstance(await work(naive))).toBe(false))
    expect(TenantryError.isInstance(await work(fixture.dataSource))).toBe(true)
  })

  // Trap 16.
  test('refuses COMMIT for another tenant and allows ROLLBACK; nothing is written', async () => {
    const { dataSource } = fixture
    const begin = () =>
      acme(async () => {
        const queryRunner = dataSource.createQueryRunner()
        await queryRunner.startTransaction()
        await queryRunner.manager.save(Project, { name: 'uncommitted' })
        return queryRunner
      })
    const rolledBack = await begin()
    expect(await globex(() => codeOf(() => rolledBack.commitTransaction()))).toBe('TENANT_MISMATCH')
    await globex(() => rolledBack.rollbackTransaction())
    await rolledBack.release()

    const released = await begin()
    expect(await globex(() => codeOf(() => released.commitTransaction()))).toBe('TENANT_MISMATCH')
    await globex(() => released.release())
    expect(await stored('uncommitted')).toEqual([])

    const committed = await begin()
    await acme(() => committed.commitTransaction())
    await committed.release()
    expect(await stored('uncommitted')).toEqual([{ tenant_id: ACME, status: 'active' }])
    await fixture.database.query(`delete from projects where name = 'uncommitted'`)
    await expectWhole()
  })

  test('whose backend is killed gives its connection up, in a transaction too', async () => {
    const { dataSource, database } = fixture
    const killed = acme(() =>
      dataSource.transaction(async (manager) => {
        await manager.save(Project, { name: 'killed' })
        const [{ pid }] = await manager.query<[{ pid: number }]>('select pg_backend_pid() as pid')
        await database.query('select pg_terminate_backend($1, 5000)', [pid])
        await manager.find(Project)
      }),
    )
    await expect(killed).rejects.toThrow(/terminat|released|closed/)
    expect(await stored('killed')).toEqual([])
    await expectWhole()
  })
})

describe('transactions', () => {
  test('have the isolation level asked for, and one inside of another is a savepoint', async () => {
    const level = () =>
      acme(() =>
        fixture.dataSource.transaction('SERIALIZABLE', async (manager) => {
          const [{ transaction_isolation: isolation }] = await manager.query<
            [{ transaction_isolation: string }]
          >('show transaction_isolation')
          await manager.save(Project, { name: 'outer' })
          await manager
            .transaction(async (inner) => {
              await inner.save(Project, { name: 'inner' })
              throw new Error('undone')
            })
            .catch(() => {})
          return isolation
        }),
      )
    expect(await level()).toBe('serializable')
    expect(await stored('outer')).toEqual([{ tenant_id: ACME, status: 'active' }])
    expect(await stored('inner')).toEqual([])
    await fixture.database.query(`delete from projects where name = 'outer'`)
  })

  test('keep their tenant to themselves: another’s statement on the manager is refused, and ends nothing', async () => {
    await acme(() =>
      fixture.dataSource.transaction(async (manager) => {
        expect(await globex(() => codeOf(() => manager.find(Project)))).toBe('TENANT_MISMATCH')
        expect(await globex(() => codeOf(() => manager.save(Project, { name: 'planted' })))).toBe(
          'TENANT_MISMATCH',
        )
        // Work on the data source itself is another connection.
        expect(await globex(() => fixture.dataSource.manager.countBy(Project, {}))).toBe(2)
        expect(await manager.countBy(Project, {})).toBe(2)
      }),
    )
    expect(await stored('planted')).toEqual([])
    await expectWhole()
  })

  test('that fail are rolled back, with the first error', async () => {
    const failing = acme(() =>
      fixture.dataSource.transaction(async (manager) => {
        await manager.save(Project, { name: 'undone' })
        await manager.query('select 1 / 0')
      }),
    )
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await stored('undone')).toEqual([])
    await expectWhole()
  })

  test('of many tenants on two connections each write their own', async () => {
    const { dataSource } = fixture
    await Promise.all(
      Array.from({ length: 60 }, (_, number) => {
        const tenant = number % 2 === 0 ? ACME : GLOBEX
        return tenancy.run(tenant, () =>
          dataSource.transaction(async (manager) => {
            const project = await manager.save(Project, { name: `many ${number}`, status: tenant })
            expect(project.tenantId).toBe(tenant)
            expect(await manager.existsBy(Project, { id: project.id })).toBe(true)
          }),
        )
      }),
    )
    const rows = await fixture.database.query<{ tenant_id: string; status: string }>(
      `delete from projects where name like 'many %' returning tenant_id, status`,
    )
    expect(rows).toHaveLength(60)
    expect(rows.filter((row) => row.tenant_id !== row.status)).toEqual([])
    await expectWhole()
  })
})

// Trap 23.
describe('stream()', () => {
  const streamOf = (dataSource: DataSource) =>
    dataSource.createQueryBuilder(Project, 'p').select('p.name', 'name').orderBy('p.name').stream()

  test('has the rows of the tenant that it was opened for, whoever reads it', async () => {
    const stream = await acme(() => streamOf(fixture.dataSource))
    const names: unknown[] = []
    await globex(async () => {
      for await (const { name } of stream as AsyncIterable<{ name: string }>) names.push(name)
    })
    expect(names).toEqual(['acme app', 'acme website'])
    await expectWhole()
  })

  test('without a scope is refused', async () => {
    expect(await codeOf(() => streamOf(fixture.dataSource))).toBe('TENANT_REQUIRED')
    await expectWhole()
  })

  test('that is broken off or destroyed keeps its connection; here it gives it back', async () => {
    const readOne = async (dataSource: DataSource) => {
      for await (const _row of await acme(() => streamOf(dataSource))) break
    }
    await withNaive(async (naive) => {
      await readOne(naive)
      const { master } = naive.driver as unknown as { master: TenantPool }
      expect(master.totalCount - master.idleCount).toBe(1)
    })
    await readOne(fixture.dataSource)
    await expectWhole()
    const stream = await acme(() => streamOf(fixture.dataSource))
    stream.destroy()
    await once(stream, 'close')
    await expectWhole()
  })

  test('in a transaction of its own hangs; it is refused', async () => {
    const inTransaction = (dataSource: DataSource) =>
      acme(() => dataSource.createQueryBuilder(Project, 'p').useTransaction(true).stream())
    await withNaive(async (naive) => {
      const queryRunner = naive.createQueryRunner()
      await acme(() => queryRunner.startTransaction())
      const stream = await acme(() => queryRunner.stream(NAMES))
      let committed = false
      const committing = acme(() => queryRunner.commitTransaction()).then(() => (committed = true))
      await fixture.database.query('select pg_sleep(0.05)')
      expect(committed).toBe(false)
      stream.destroy()
      await committing
      await queryRunner.release()
    })
    await expect(inTransaction(fixture.dataSource)).rejects.toMatchObject({
      code: 'TRANSACTION_CONTROL_REFUSED',
    })
    await expectWhole()
  })

  test('inside of transaction() is read there', async () => {
    const names = await acme(() =>
      fixture.dataSource.transaction(async (manager) => {
        await manager.save(Project, { name: 'acme zoo' })
        const stream = await manager
          .createQueryBuilder(Project, 'p')
          .select('p.name', 'name')
          .orderBy('p.name')
          .stream()
        const found: unknown[] = []
        for await (const { name } of stream as AsyncIterable<{ name: string }>) found.push(name)
        await manager.delete(Project, { name: 'acme zoo' })
        return found
      }),
    )
    expect(names).toEqual(['acme app', 'acme website', 'acme zoo'])
    await expectWhole()
  })
})
