import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { asTenant, tenantsIn, WHOSE_ROWS } from '../support/as-tenant.ts'
import { backendOf, killBackends } from '../support/backends.ts'
import { callsBack, codeOf } from '../support/calls-back.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { happens } from '../support/happens.ts'
import { takeLock, WAIT_FOR_LOCK } from '../support/lock.ts'
import { openPool } from '../support/open-pool.ts'
import { useDatabase } from '../support/use-database.ts'

const database = useDatabase()

describe('The only connection of a pool is not lost', () => {
  test('when it is released in the callback of connect, unused and new', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, () =>
      callsBack((callback) =>
        pool.connect((error, _client, release) => {
          release()
          callback(error)
        }),
      ),
    )
    await asTenant(2, () => expectWhole(pool))
  })

  test('when it is released in the callback of connect with a statement of set-up in progress', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    pool.on('connect', (client) => client.query('select pg_sleep(0.05)'))
    await asTenant(1, () =>
      callsBack((callback) =>
        pool.connect((error, _client, release) => {
          release()
          callback(error)
        }),
      ),
    )
    await asTenant(2, () => expectWhole(pool))
  })

  test.each([
    [
      'while idle',
      async (client: pg.PoolClient, kill: () => Promise<void>) => {
        await Promise.all([happens(client, 'end'), kill()])
      },
    ],
    [
      'at work',
      async (client: pg.PoolClient, kill: () => Promise<void>) => {
        const lock = await takeLock(database)
        const ended = happens(client, 'end')
        const working = codeOf(client.query(WAIT_FOR_LOCK))
        await lock.waitedFor()
        await kill()
        expect(await working).toBe('57P01')
        await ended
      },
    ],
    [
      'with a queue',
      async (client: pg.PoolClient, kill: () => Promise<void>) => {
        const lock = await takeLock(database)
        const ended = happens(client, 'end')
        const working = [WAIT_FOR_LOCK, 'select 1', 'select 2'].map((text) => codeOf(client.query(text)))
        await lock.waitedFor()
        await kill()
        expect((await Promise.all(working)).every((code) => code !== undefined)).toBe(true)
        await ended
      },
    ],
    [
      'in a transaction',
      async (client: pg.PoolClient, kill: () => Promise<void>) => {
        await client.query('begin')
        await client.query('select 1')
        await Promise.all([happens(client, 'end'), kill()])
        expect(await codeOf(client.query('commit'))).toBeDefined()
      },
    ],
  ])('when it is killed %s, and released once it has ended', async (_name, breakIt) => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = await pool.connect()
      const backend = await backendOf(client)
      await breakIt(client, () => killBackends(database, backend))
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
    expect(tenantsIn(await asTenant(3, () => pool.query(WHOSE_ROWS)))).toEqual([3])
  })

  test('when its holder ends it before the release', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = (await pool.connect()) as pg.PoolClient & pg.Client
      await client.query('select 1')
      await client.end()
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })

  test('when its holder ends it with statements in its queue', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 1 })
    await asTenant(1, async () => {
      const client = (await pool.connect()) as pg.PoolClient & pg.Client
      const queued = [client.query(WHOSE_ROWS), client.query(WHOSE_ROWS)].map((work) => codeOf(work))
      await client.end()
      await Promise.all(queued)
      client.release()
    })
    await asTenant(2, () => expectWhole(pool))
  })

  test('when everything about it fails, again and again', async () => {
    const pool = openPool({ connectionString: database.urls.app, max: 2 })
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        asTenant(index + 1, async () => {
          const client = await pool.connect()
          await codeOf(client.query('select 1 / 0'))
          await codeOf(client.query('begin'))
          await codeOf(client.query('no sql'))
          await codeOf(client.query('select $1::int', ['no number']))
          client.release(index % 3 === 0)
        }).catch(() => {}),
      ),
    )
    await asTenant(2, () => expectWhole(pool))
  })
})
