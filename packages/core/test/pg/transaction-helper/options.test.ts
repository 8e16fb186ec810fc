import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { TransactionOptions } from '../../../src/pg/index.ts'
import { backendOf } from '../support/backends.ts'
import { door } from '../support/door.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { openPool } from '../support/open-pool.ts'
import { committedProjects, insertProject } from '../support/projects.ts'
import { inTenant, tenantId } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

/** Waits until a backend waits for a lock of another. */
async function waitsForLock(backend: number): Promise<void> {
  for (;;) {
    const [row] = await database.query<{ blocked: boolean }>(
      'select cardinality(pg_blocking_pids($1)) > 0 as blocked',
      [backend],
    )
    if (row?.blocked === true) return
  }
}

/** The names of a tenant's projects, renamed. */
const rename = (client: pg.PoolClient, name: string, to: string) =>
  client.query('update projects set status = $2 where name = $1', [name, to])

describe('pool.transaction({ isolation, readOnly })', () => {
  test.each([
    [{}, 'read committed', 'off'],
    [{ isolation: 'read committed' }, 'read committed', 'off'],
    [{ isolation: 'repeatable read' }, 'repeatable read', 'off'],
    [{ isolation: 'serializable' }, 'serializable', 'off'],
    [{ readOnly: true }, 'read committed', 'on'],
    [{ readOnly: false }, 'read committed', 'off'],
    [{ isolation: 'serializable', readOnly: true }, 'serializable', 'on'],
    [{ isolation: undefined, readOnly: undefined, retries: undefined } as never, 'read committed', 'off'],
  ] as [TransactionOptions, string, string][])(
    'with %o is %s, read only %s, and scoped',
    (options, isolation, readOnly) =>
      inTenant(1, async () => {
        const pool = openPool({ connectionString: database.urls.app, max: 1 })
        await pool.transaction(async (client) => {
          const { rows } = await client.query(`select current_setting('transaction_isolation') as isolation,
          current_setting('transaction_read_only') as "readOnly", tenantry.tenant_id() as tenant`)
          expect(rows).toEqual([{ isolation, readOnly, tenant: tenantId(1) }])
        }, options)
        // It was the transaction's, not the session's.
        const { rows } = await pool.query(`select current_setting('transaction_isolation') as isolation,
          current_setting('transaction_read_only') as "readOnly"`)
        expect(rows).toEqual([{ isolation: 'read committed', readOnly: 'off' }])
      }),
  )

  test('read only refuses writes, and passes on the error', () =>
    inTenant(2, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const writing = pool.transaction((client) => insertProject(client, 'no'), { readOnly: true })
      expect(await failureOf(writing)).toMatchObject({ code: '25006' })
      await expectWhole(pool)
    }))

  test('repeatable read keeps seeing the state of its first statement', () =>
    inTenant(3, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      for (const [isolation, seen] of [
        ['read committed', 4],
        ['repeatable read', 4],
      ] as const) {
        const counts = await pool.transaction(
          async (client) => {
            const count = async () =>
              (await client.query('select count(*)::int from projects')).rows[0] as { count: number }
            const before = await count()
            await database.query('insert into projects (tenant_id, name) values ($1, $2)', [
              tenantId(3),
              isolation,
            ])
            return [before.count, (await count()).count]
          },
          { isolation },
        )
        expect(counts).toEqual(isolation === 'read committed' ? [3, seen] : [4, seen])
      }
    }))

  test('serializable refuses a write skew that read committed lets happen', () =>
    inTenant(4, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      // Each closes its own project if the other one is still active: at least one should stay active.
      const close = async (
        isolation: TransactionOptions['isolation'],
        own: string,
        meet: () => Promise<void>,
      ) =>
        pool.transaction(
          async (client) => {
            const { rows } = await client.query(
              "select name from projects where status = 'active' and name in ('project 1', 'project 2')",
            )
            await meet()
            if (rows.length === 2) await rename(client, own, 'closed')
          },
          { ...(isolation && { isolation }) },
        )
      const both = async (isolation: TransactionOptions['isolation']) => {
        await pool.query("update projects set status = 'active'")
        const read = door()
        let readers = 0
        const meet = () => {
          readers += 1
          if (readers === 2) read.open()
          return read.passed
        }
        const outcomes = await Promise.allSettled([
          close(isolation, 'project 1', meet),
          close(isolation, 'project 2', meet),
        ])
        const { rows } = await pool.query("select name from projects where status = 'closed'")
        return {
          failed: outcomes
            .filter(({ status }) => status === 'rejected')
            .map((outcome) => ((outcome as PromiseRejectedResult).reason as { code: string }).code),
          closed: rows.length,
        }
      }
      expect(await both('read committed')).toEqual({ failed: [], closed: 2 })
      expect(await both('serializable')).toEqual({ failed: ['40001'], closed: 1 })
      await expectWhole(pool)
    }))

  test.each([
    [{ isolation: 'snapshot' }],
    [{ isolation: 'SERIALIZABLE' }],
    [{ isolation: 'serializable; drop table projects' }],
    [{ isolation: null }],
    [{ readOnly: 'yes' }],
    [{ readOnly: 1 }],
    [{ retries: -1 }],
    [{ retries: 1.5 }],
    [{ retries: Infinity }],
    [{ retries: '3' }],
    [{ retries: NaN }],
    [{ isolationLevel: 'serializable' }],
  ])('refuses %o before anything is sent', (options) =>
    inTenant(5, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      let ran = false
      const refused = pool.transaction(async () => {
        ran = true
      }, options as TransactionOptions)
      expect(await failureOf(refused)).toMatchObject({ code: 'INVALID_CONFIG' })
      expect([ran, pool.totalCount]).toEqual([false, 0])
    }),
  )
})

describe('pool.transaction({ retries })', () => {
  /**
   * Runs a transaction that reads a project and then changes it, with somebody else changing it in between as long as
   * `collisions` lasts: under repeatable read each collision is a real serialization failure.
   */
  async function collide(
    pool: ReturnType<typeof openPool>,
    tenant: number,
    collisions: number,
    options: TransactionOptions,
  ) {
    let attempts = 0
    const work = pool.transaction(
      async (client) => {
        attempts += 1
        await insertProject(client, `attempt ${attempts}`)
        await client.query("select * from projects where name = 'project 1'")
        if (attempts <= collisions) {
          await database.query(
            "update projects set status = 'theirs' where tenant_id = $1 and name = 'project 1'",
            [tenantId(tenant)],
          )
        }
        await rename(client, 'project 1', 'ours')
        return attempts
      },
      { isolation: 'repeatable read', ...options },
    )
    const outcome = await work.catch((error: { code: string }) => error.code)
    return { outcome, attempts }
  }

  test('does not try again unless asked', () =>
    inTenant(6, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      expect(await collide(pool, 6, 1, {})).toEqual({ outcome: '40001', attempts: 1 })
      expect(await collide(pool, 6, 1, { retries: 0 })).toEqual({ outcome: '40001', attempts: 1 })
      expect(await committedProjects(database, 6)).toEqual([])
      await expectWhole(pool)
    }))

  test('tries again after a serialization failure, and commits the last attempt alone', () =>
    inTenant(7, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      expect(await collide(pool, 7, 2, { retries: 5 })).toEqual({ outcome: 3, attempts: 3 })
      expect(await committedProjects(database, 7)).toEqual(['attempt 3'])
      await expectWhole(pool)
    }))

  test('gives up after as many retries as allowed, with the error of the last', () =>
    inTenant(8, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      expect(await collide(pool, 8, 9, { retries: 3 })).toEqual({ outcome: '40001', attempts: 4 })
      expect(await committedProjects(database, 8)).toEqual([])
      await expectWhole(pool)
    }))

  test('keeps its isolation and its scope in each attempt', () =>
    inTenant(9, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const seen: unknown[] = []
      await pool.transaction(
        async (client) => {
          const { rows } = await client.query(
            `select current_setting('transaction_isolation') as isolation, tenantry.tenant_id() as tenant`,
          )
          seen.push(...(rows as unknown[]))
          if (seen.length < 3) await client.query('do $$ begin raise serialization_failure; end $$')
        },
        { isolation: 'serializable', retries: 2 },
      )
      expect(seen).toEqual([1, 2, 3].map(() => ({ isolation: 'serializable', tenant: tenantId(9) })))
    }))

  test('tries again when it is the commit that fails to serialise', () =>
    inTenant(10, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      let attempts = 0
      const read = "select name from projects where status = 'active'"
      await pool.transaction(
        async (client) => {
          attempts += 1
          await client.query(read)
          await rename(client, 'project 1', 'closed')
          if (attempts > 1) return
          // The other transaction reads what this one changes, changes what this one read, and commits first.
          await inTenant(10, async () => {
            const other = await pool.connect()
            await other.query('begin isolation level serializable')
            await other.query(read)
            await rename(other, 'project 2', 'closed')
            await other.query('commit')
            other.release()
          })
        },
        { isolation: 'serializable', retries: 1 },
      )
      expect(attempts).toBe(2)
      await expectWhole(pool)
    }))

  test('tries again after a deadlock, one of two giving way to the other', () =>
    inTenant(11, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      for (const { retries, failed } of [
        { retries: 0, failed: ['40P01'] },
        // The one that gave way may be back before the other has gone on, and then they meet again.
        { retries: 10, failed: [] },
      ]) {
        const locked = [door(), door()] as const
        let attempts = 0
        const cross = (own: string, other: string, mine: 0 | 1) =>
          pool.transaction(
            async (client) => {
              attempts += 1
              await rename(client, own, `first by ${mine}`)
              locked[mine].open()
              await locked[1 - mine]?.passed
              await rename(client, other, `second by ${mine}`)
            },
            { retries },
          )
        const outcomes = await Promise.allSettled([
          cross('project 1', 'project 2', 0),
          cross('project 2', 'project 1', 1),
        ])
        const reasons = outcomes.flatMap((outcome) =>
          outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
        )
        expect(reasons).toEqual(failed)
        expect(attempts > 2).toBe(retries > 0)
      }
      await expectWhole(pool)
    }))

  test('does not try again after any other error', () =>
    inTenant(12, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failures: (() => Promise<unknown>)[] = [
        () => Promise.reject(new Error('no')),
        () => Promise.reject(null),
      ]
      for (const fail of failures) {
        let attempts = 0
        await pool
          .transaction(
            async () => {
              attempts += 1
              await fail()
            },
            { retries: 5 },
          )
          .catch(() => {})
        expect(attempts).toBe(1)
      }
      let attempts = 0
      const violating = pool.transaction(
        async (client) => {
          attempts += 1
          await client.query('select 1 / 0')
        },
        { retries: 5 },
      )
      expect(await failureOf(violating)).toMatchObject({ code: '22012' })
      expect(attempts).toBe(1)
    }))

  test('tries all of it again when a nested one fails to serialise and the outer passes it on', () =>
    inTenant(13, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      let attempts = 0
      await pool.transaction(
        async () => {
          attempts += 1
          await pool.transaction(async (client) => {
            await insertProject(client, `attempt ${attempts}`)
            if (attempts < 3) await client.query('do $$ begin raise serialization_failure; end $$')
          })
        },
        { retries: 4 },
      )
      expect(attempts).toBe(3)
      expect(await committedProjects(database, 13)).toEqual(['attempt 3'])
    }))

  test('gives the connection to others between the attempts', () =>
    inTenant(14, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const order: string[] = []
      let attempts = 0
      const retried = pool.transaction(
        async (client) => {
          attempts += 1
          order.push(`attempt ${attempts}`)
          await backendOf(client)
          if (attempts === 1) await client.query('do $$ begin raise serialization_failure; end $$')
        },
        { retries: 1 },
      )
      const waiting = pool.query('select 1').then(() => order.push('another'))
      await Promise.all([retried, waiting])
      expect(order).toEqual(['attempt 1', 'another', 'attempt 2'])
    }))

  test('waits for a lock rather than fail, and sees what the other has done', () =>
    inTenant(15, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const [locked, first] = [door(), door()]
      const holding = pool.transaction(async (client) => {
        await rename(client, 'project 1', 'first')
        locked.open()
        await first.passed
      })
      await locked.passed
      const second = pool.transaction(async (client) => {
        const backend = await backendOf(client)
        const waiting = rename(client, 'project 1', 'second')
        await waitsForLock(backend)
        first.open()
        await waiting
      })
      await Promise.all([holding, second])
      const { rows } = await pool.query("select status from projects where name = 'project 1'")
      expect(rows).toEqual([{ status: 'second' }])
    }))
})
