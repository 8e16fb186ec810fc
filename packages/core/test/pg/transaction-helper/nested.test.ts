import { describe, expect, test } from 'vitest'
import { backendOf } from '../support/backends.ts'
import { door } from '../support/door.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { failureOf } from '../support/failure-of.ts'
import { openPool } from '../support/open-pool.ts'
import { committedProjects, insertProject } from '../support/projects.ts'
import { inTenant, tenancy } from '../support/tenants.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

const committed = (tenant: number) => committedProjects(database, tenant)

describe('pool.transaction inside of itself', () => {
  test('is a savepoint on the same connection: an inner failure keeps the outer work', () =>
    inTenant(1, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const reason = new Error('only the inner one')
      await pool.transaction(async (outer) => {
        await insertProject(outer, 'before')
        const inner = pool.transaction(async (client) => {
          expect(await backendOf(client)).toBe(await backendOf(outer))
          await insertProject(client, 'inner')
          throw reason
        })
        expect(await failureOf(inner)).toBe(reason)
        await insertProject(outer, 'after')
        const kept = await pool.transaction(async (client) => {
          await insertProject(client, 'second inner')
          return 'kept'
        })
        expect(kept).toBe('kept')
      })
      expect(await committed(1)).toEqual(['after', 'before', 'second inner'])
      await expectWhole(pool)
    }))

  test('keeps the outer work when the inner fails in the database', () =>
    inTenant(2, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await pool.transaction(async (outer) => {
        await insertProject(outer, 'outer')
        const inner = pool.transaction(async (client) => {
          await insertProject(client, 'inner')
          await client.query('select 1 / 0')
        })
        expect(await failureOf(inner)).toMatchObject({ code: '22012' })
        expect((await outer.query('select count(*)::int from projects')).rows).toEqual([{ count: 4 }])
      })
      expect(await committed(2)).toEqual(['outer'])
      await expectWhole(pool)
    }))

  test('loses the inner work with the outer', () =>
    inTenant(3, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failing = pool.transaction(async () => {
        await pool.transaction((client) => insertProject(client, 'inner'))
        throw new Error('the outer one')
      })
      expect((await failureOf(failing)).message).toBe('the outer one')
      expect(await committed(3)).toEqual([])
      await expectWhole(pool)
    }))

  test('nests to any depth, each level undone by itself', () =>
    inTenant(4, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const nest = async (depth: number): Promise<void> => {
        await pool.transaction(async (client) => {
          await insertProject(client, `level ${depth}`)
          if (depth < 5) await nest(depth + 1).catch(() => {})
          if (depth === 3) throw new Error('undo 3 and all below')
        })
      }
      await nest(1)
      expect(await committed(4)).toEqual(['level 1', 'level 2'])
      await expectWhole(pool)
    }))

  test('takes turns with its siblings, each undone by itself', () =>
    inTenant(5, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await pool.transaction(async () => {
        let running = 0
        const outcomes = await Promise.allSettled(
          Array.from({ length: 9 }, (_, index) =>
            pool.transaction(async (client) => {
              running += 1
              expect(running).toBe(1)
              await insertProject(client, `sibling ${index}`)
              await pool.transaction((inner) => insertProject(inner, `child of ${index}`))
              running -= 1
              if (index % 3 === 0) throw new Error('undo')
            }),
          ),
        )
        expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(
          outcomes.map((_, index) => index % 3 !== 0),
        )
      })
      expect(await committed(5)).toEqual(
        [1, 2, 4, 5, 7, 8]
          .flatMap((index) => [`child of ${index}`])
          .concat([1, 2, 4, 5, 7, 8].map((index) => `sibling ${index}`)),
      )
      await expectWhole(pool)
    }))

  test('is a transaction of its own on another connection for another tenant, before and after the outer ends', () =>
    inTenant(6, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      const failing = pool.transaction(async (outer) => {
        await insertProject(outer, 'of 6')
        await inTenant(7, () =>
          pool.transaction(async (client) => {
            expect(await backendOf(client)).not.toBe(await tenancy.withoutTenant(() => outerBackend(outer)))
            await insertProject(client, 'of 7')
          }),
        )
        expect(await committed(7)).toEqual(['of 7'])
        throw new Error('undo the outer')
      })
      expect((await failureOf(failing)).message).toBe('undo the outer')
      expect(await committed(6)).toEqual([])
      expect(await committed(7)).toEqual(['of 7'])
      await expectWhole(pool)

      // The client of the outer is not for the other scope, whatever that is: its number has been kept.
      async function outerBackend(client: object): Promise<number> {
        return (client as { processID: number }).processID
      }
    }))

  test('is a transaction of its own in the system scope, and for the same tenant with other settings', () =>
    inTenant(8, async () => {
      const pool = openPool({
        connectionString: database.urls.app,
        system: { connectionString: database.urls.system },
        max: 2,
      })
      const roles = await pool.transaction(async (outer) => {
        const role = async (client: typeof outer): Promise<unknown> =>
          (
            await client.query(
              `select current_user as role, current_setting('app.current_user_id', true) as "user"`,
            )
          ).rows[0]
        return [
          await role(outer),
          await tenancy.asSystem('a test', () => pool.transaction(role)),
          await tenancy.run({ tenantId: tenancy.tenantId(), userId: 'u1' }, () => pool.transaction(role)),
        ]
      })
      expect(roles).toEqual([
        { role: 'tenantry_app', user: '' },
        { role: 'tenantry_system', user: '' },
        { role: 'tenantry_app', user: 'u1' },
      ])
      await expectWhole(pool)
    }))

  test('takes no options: they belong to the outermost', () =>
    inTenant(9, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await pool.transaction(async (outer) => {
        for (const options of [
          { isolation: 'serializable' },
          { readOnly: true },
          { readOnly: false },
          { retries: 1 },
        ] as const) {
          let ran = false
          const inner = pool.transaction(async () => {
            ran = true
          }, options)
          expect(await failureOf(inner)).toMatchObject({ code: 'INVALID_CONFIG' })
          expect(ran).toBe(false)
        }
        await pool.transaction((client) => insertProject(client, 'without'), {})
        await insertProject(outer, 'outer')
      })
      expect(await committed(9)).toEqual(['outer', 'without'])
    }))

  test('does not pass off as kept what was undone: an error that the inner function swallowed is the cause', () =>
    inTenant(10, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      await pool.transaction(async (outer) => {
        await insertProject(outer, 'outer')
        const swallowing = pool.transaction(async (client) => {
          await insertProject(client, 'lost')
          await client.query('select 1 / 0').catch(() => {})
        })
        expect(await failureOf(swallowing)).toMatchObject({
          code: 'TRANSACTION_ABORTED',
          cause: { code: '22012' },
        })
      })
      expect(await committed(10)).toEqual(['outer'])
      await expectWhole(pool)
    }))

  test('blames a failed commit on what broke it, not on an inner failure that was dealt with before', () =>
    inTenant(11, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const failing = pool.transaction(async (outer) => {
        await pool.transaction((client) => client.query('select 1 / 0')).catch(() => {})
        await insertProject(outer, 'lost')
        await outer.query('select nothing').catch(() => {})
      })
      expect(await failureOf(failing)).toMatchObject({
        code: 'TRANSACTION_ABORTED',
        cause: { code: '42703' },
      })
      await expectWhole(pool)
    }))

  test('is not inside any more once the outer has ended', () =>
    inTenant(12, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 1 })
      const ended = door()
      let late: Promise<unknown> = Promise.resolve()
      await pool.transaction(async () => {
        late = (async () => {
          await ended.passed
          await pool.transaction((client) => insertProject(client, 'late'), { isolation: 'serializable' })
        })()
      })
      ended.open()
      await late
      expect(await committed(12)).toEqual(['late'])
      await expectWhole(pool)
    }))

  test('lets pool.query in the function go its own way, on a connection of its own', () =>
    inTenant(13, async () => {
      const pool = openPool({ connectionString: database.urls.app, max: 2 })
      await pool.transaction(async (client) => {
        await insertProject(client, 'in the transaction')
        const { rows } = await pool.query('select count(*)::int from projects')
        expect(rows).toEqual([{ count: 3 }])
      })
      await expectWhole(pool)
    }))
})
