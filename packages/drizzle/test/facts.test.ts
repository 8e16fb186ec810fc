import { tenantPostgres } from '@tenantry/core/postgres-js'
import { sql } from 'drizzle-orm'
import { describe, expect, test, vi } from 'vitest'
import { drizzle } from '../src/node-postgres.ts'
import { drizzle as drizzleOnPostgresJs } from '../src/postgres-js.ts'
import { drivers } from './drivers.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { projects } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

// What conformance.test.ts states as facts about Drizzle.
const fixture = useDatabase()

describe.each(drivers)('on $name', (driver) => {
  test.each(['stream', 'iterator', 'cursor', 'connect', 'connection', 'checkout'])(
    'neither a database nor a query has a method %s',
    (method) => {
      const db = driver.drizzle({ client: driver.client(fixture) })
      expect(method in db || method in db.select().from(projects) || method in db.execute('')).toBe(false)
    },
  )

  test('a callback given to a query is not called', async () => {
    const { acme } = fixture
    const callback = vi.fn<() => void>()
    const query = driver
      .drizzle({ client: driver.client(fixture) })
      .select()
      .from(projects)
    expect(await tenancy.run(acme.id, () => query.execute(callback as never))).toHaveLength(2)
    expect(callback).not.toHaveBeenCalled()
  })
})

test('on node-postgres, 0.45 rejects with the error of a rollback, and 1.0 with the first one', async () => {
  const { acme, pool, database } = fixture
  const db = drizzle({ client: pool })
  const first = new Error('the first')
  const failure: unknown = await tenancy
    .run(acme.id, () =>
      db.transaction(async (transaction) => {
        const { rows } = await transaction.execute(sql`select pg_backend_pid() as pid`)
        await database.query('select pg_terminate_backend($1, 5000)', [rows[0]?.['pid']])
        throw first
      }),
    )
    .catch((error: unknown) => error)
  expect(failure === first).toBe(isDrizzle1)
  expect(failure).toBeInstanceOf(Error)
  // The pool has lost no more than that connection.
  expect(await tenancy.run(acme.id, () => db.$count(projects))).toBe(2)
})

test('on postgres.js, 0.45 makes a statement of an empty configuration, which PostgreSQL refuses', async () => {
  const { acme, sql: client } = fixture
  const transaction = tenancy.run(acme.id, () =>
    drizzleOnPostgresJs({ client }).transaction(async () => 'done', {}),
  )
  const outcome = await transaction.catch((error: { cause: { code: string } }) => error.cause.code)
  expect(outcome).toBe(isDrizzle1 ? 'done' : '42601')
})

test('on postgres.js, a client that Drizzle was given gives dates as texts itself', async () => {
  const { acme, database } = fixture
  const [own, given] = [0, 1].map(() => tenantPostgres(database.urls.app, { tenancy }))
  drizzleOnPostgresJs({ client: given! })
  const days = await tenancy.run(acme.id, () =>
    Promise.all([own!, given!].map((client) => client`select '2026-01-01'::date as day`)),
  )
  expect(days.map(([row]) => typeof row?.['day'])).toEqual(['object', 'string'])
  await Promise.all([own!.end(), given!.end()])
})
