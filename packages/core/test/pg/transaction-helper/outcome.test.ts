import { TenantryError } from '../../../src/index.ts'
import { describe, expect, test } from 'vitest'
import type pg from 'pg'
import { backendOf, killBackends } from '../support/backends.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { openPool } from '../support/open-pool.ts'
import { committedProjects, insertProject } from '../support/projects.ts'
import { inTenant } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const committed = (tenant: number) => committedProjects(database, tenant)

describe('pool.transaction', () => {
  test('commits, and gives what the function returned', () =>
    inTenant(1, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const result = await pool.transaction(async (client) => {
        await insertProject(client, 'a')
        expect(await committed(1)).toEqual([])
        await insertProject(client, 'b')
        return { answer: 42 }
      })
      expect(result).toEqual({ answer: 42 })
      expect(await committed(1)).toEqual(['a', 'b'])
      await expectWhole(pool)
    }))

  test('rolls back everything when the function rejects or throws, with that very error', () =>
    inTenant(2, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const reason = new Error('changed my mind')
      const rejecting = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        throw reason
      })
      expect(await failureOf(rejecting)).toBe(reason)
      const throwing = pool.transaction(() => {
        throw reason
      })
      expect(await failureOf(throwing)).toBe(reason)
      const nothing = pool.transaction(() => Promise.reject())
      expect(await failureOf(nothing)).toBeUndefined()
      expect(await committed(2)).toEqual([])
      await expectWhole(pool)
    }))

  test('rolls back on an error of the database, which passes through', () =>
    inTenant(3, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failing = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        await client.query('select 1 / 0')
      })
      expect(await failureOf(failing)).toMatchObject({ code: '22012', message: 'division by zero' })
      expect(await committed(3)).toEqual([])
      await expectWhole(pool)
    }))

  test('keeps the connection after a rollback', () =>
    inTenant(4, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const backends: number[] = []
      for (let round = 0; round < 3; round += 1) {
        await pool
          .transaction(async (client) => {
            backends.push(await backendOf(client))
            throw new Error('roll back')
          })
          .catch(() => {})
      }
      expect(new Set(backends).size).toBe(1)
    }))

  test('passes on the first error even if the rollback fails too, the backend having been killed', () =>
    inTenant(5, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const reason = new Error('the reason')
      const failing = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        await killBackends(database, await backendOf(client))
        throw reason
      })
      expect(await failureOf(failing)).toBe(reason)
      expect(await committed(5)).toEqual([])
      await expectWhole(pool)
    }))

  test('passes on the error of a statement during which the backend was killed', () =>
    inTenant(6, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failing = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        const backend = await backendOf(client)
        await Promise.all([client.query('select pg_sleep(60)'), killBackends(database, backend)])
      })
      expect(await failureOf(failing)).toMatchObject({ code: '57P01' })
      expect(await committed(6)).toEqual([])
      await expectWhole(pool)
    }))

  test('fails when the backend dies before the commit, and does not claim otherwise', () =>
    inTenant(7, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failing = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        await killBackends(database, await backendOf(client))
      })
      expect((await failureOf(failing)).message).toMatch(/terminat|not queryable/i)
      expect(await committed(7)).toEqual([])
      await expectWhole(pool)
    }))

  test('fails with what a deferred constraint says at commit', async () => {
    await database.query(`
      create table memberships (tenant_id uuid not null default tenantry.tenant_id(), number int not null,
        constraint once unique (tenant_id, number) deferrable initially deferred);
      alter table memberships enable row level security;
      create policy own on memberships using (tenant_id = (select tenantry.tenant_id()));
      grant select, insert on memberships to tenantry_app;`)
    await inTenant(8, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const backend = await backendOf(pool)
      const failing = pool.transaction(async (client) => {
        await client.query('insert into memberships (number) values (1)')
        await client.query('insert into memberships (number) values (1)')
        return 'committed'
      })
      expect(await failureOf(failing)).toMatchObject({ code: '23505', constraint: 'once' })
      expect((await pool.query('select * from memberships')).rows).toEqual([])
      // The server has answered, so the connection is as good as before.
      expect(await backendOf(pool)).toBe(backend)
      await expectWhole(pool)
    })
  })

  test('does not pass off as committed what the server rolled back: an error that the function swallowed is the cause', () =>
    inTenant(9, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const swallowing = pool.transaction(async (client) => {
        await insertProject(client, 'lost')
        await client.query('select 1 / 0').catch(() => {})
        await insertProject(client, 'lost too').catch(() => {})
        return 'done'
      })
      const error = await failureOf(swallowing)
      expect(TenantryError.isInstance(error)).toBe(true)
      expect(error).toMatchObject({ code: 'TRANSACTION_ABORTED', cause: { code: '22012' } })
      expect(await committed(9)).toEqual([])
      await expectWhole(pool)
    }))

  test.each([
    [
      'a callback',
      (client: pg.PoolClient) =>
        new Promise<void>((resolve) => client.query('select 1 / 0', () => resolve())),
    ],
    [
      'a callback of the config',
      (client: pg.PoolClient) =>
        new Promise<void>((resolve) => {
          void client.query({ text: 'select 1 / 0', callback: () => resolve() } as pg.QueryConfig)
        }),
    ],
  ])('names the cause as well if the error went to %s', (_what, fail) =>
    inTenant(10, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const error = await failureOf(pool.transaction(fail))
      expect(error).toMatchObject({ code: 'TRANSACTION_ABORTED', cause: { code: '22012' } })
      await expectWhole(pool)
    }),
  )

  test('gives a client that is dead afterwards, whatever was the outcome', () =>
    inTenant(11, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const kept: pg.PoolClient[] = []
      await pool.transaction(async (client) => {
        kept.push(client)
      })
      await pool
        .transaction(async (client) => {
          kept.push(client)
          throw new Error('roll back')
        })
        .catch(() => {})
      for (const client of kept) {
        expect(await failureOf(client.query('select 1'))).toMatchObject({ code: 'CLIENT_RELEASED' })
        expect(() => client.release()).toThrow(/already been released/)
      }
      await expectWhole(pool)
    }))

  test('needs a scope, and opens nothing without one', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    let ran = false
    const failing = pool.transaction(async () => {
      ran = true
    })
    expect(await failureOf(failing)).toMatchObject({ code: 'TENANT_REQUIRED' })
    expect([ran, pool.totalCount]).toEqual([false, 0])
  })

  test('passes on that there is no connection to be had, and does not call the function', () =>
    inTenant(12, async () => {
      const url = new URL(database.urls.app)
      url.password = 'wrong'
      const pool = openPool({ connectionString: url.href, max: 1 })
      let ran = false
      const failing = pool.transaction(async () => {
        ran = true
      })
      expect(await failureOf(failing)).toMatchObject({ code: '28P01' })
      expect([ran, pool.totalCount]).toEqual([false, 0])
    }))

  test('waits for statements that the function did not wait for, and answers for them', () =>
    inTenant(13, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await pool.transaction(async (client) => {
        void insertProject(client, 'unawaited 1')
        void insertProject(client, 'unawaited 2')
      })
      expect(await committed(13)).toEqual(['unawaited 1', 'unawaited 2'])
      const failing = pool.transaction(async (client) => {
        void insertProject(client, 'unawaited 3')
        client.query('select 1 / 0').catch(() => {})
      })
      expect(await failureOf(failing)).toMatchObject({
        code: 'TRANSACTION_ABORTED',
        cause: { code: '22012' },
      })
      expect(await committed(13)).toEqual(['unawaited 1', 'unawaited 2'])
      await expectWhole(pool)
    }))

  test.each(['rollback', 'commit'])(
    'does not say it has committed where the function has sent %s itself',
    (text) =>
      inTenant(15, async () => {
        const pool = openPool({ connectionString: database.urls.app, max: 1 })
        const ending = pool.transaction(async (client) => {
          await client.query(text)
        })
        expect(await failureOf(ending)).toMatchObject({ code: 'TRANSACTION_CONTROL_REFUSED' })
        await expectWhole(pool)
      }),
  )

  test('loses no connection, whatever happens in a hundred of them on two', () =>
    inTenant(14, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const endings: ((client: pg.PoolClient) => Promise<unknown>)[] = [
        (client) => insertProject(client, 'kept'),
        () => Promise.reject(new Error('roll back')),
        (client) => client.query('select 1 / 0'),
        (client) => client.query('select 1 / 0').catch(() => {}),
        async (client) => client.query('select pg_terminate_backend(pg_backend_pid())'),
        async (client) => client.query('rollback'),
      ]
      const outcomes = await Promise.allSettled(
        Array.from({ length: 102 }, (_, index) =>
          pool.transaction(endings[index % endings.length] as (typeof endings)[number]),
        ),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(17)
      expect(await committed(14)).toHaveLength(17)
      await expectWhole(pool)
    }))
})
