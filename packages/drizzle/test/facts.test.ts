import { sql } from 'drizzle-orm'
import { expect, test, vi } from 'vitest'
import { drizzle } from '../src/index.ts'
import { isDrizzle1 } from './drizzle-release.ts'
import { projects } from './tables.ts'
import { tenancy, useDatabase } from './test-database.ts'

// What conformance.test.ts states as facts about Drizzle.
const fixture = useDatabase()

test.each(['stream', 'iterator', 'cursor', 'connect', 'connection', 'checkout'])(
  'neither a database nor a query has a method %s',
  (method) => {
    const db = drizzle({ client: fixture.pool })
    expect(method in db || method in db.select().from(projects) || method in db.execute('')).toBe(false)
  },
)

test('a callback given to a query is not called', async () => {
  const { acme, pool } = fixture
  const callback = vi.fn<() => void>()
  const query = drizzle({ client: pool }).select().from(projects)
  expect(await tenancy.run(acme.id, () => query.execute(callback as never))).toHaveLength(2)
  expect(callback).not.toHaveBeenCalled()
})

test('0.45 rejects with the error of a rollback, and 1.0 with the first one', async () => {
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
