import { createQuickstartDatabase } from './quickstart-database.ts'
import type { TestDatabase } from '@tenantry/testing'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { startRoundTripCounter, type RoundTripCounter } from '../src/round-trip-counter.ts'

let database: TestDatabase
let counter: RoundTripCounter
let client: pg.Client

beforeAll(async () => {
  database = await createQuickstartDatabase()
})
afterAll(() => database.drop())

beforeEach(async () => {
  counter = await startRoundTripCounter(database.urls.app)
  client = new pg.Client({ connectionString: counter.connectionString })
  await client.connect()
  counter.reset()
})
afterEach(async () => {
  await client.end()
  await counter.close()
})

it('counts nothing while nothing is sent', () => {
  expect(counter.count()).toEqual({ roundTrips: 0, bytesSent: 0 })
})

it('counts one for a query, whatever the protocol and however large', async () => {
  await client.query('SELECT 1')
  expect(counter.count().roundTrips).toBe(1)

  await client.query('SELECT $1::int', [1])
  expect(counter.count().roundTrips).toBe(2)

  const large = 'x'.repeat(5_000_000)
  const { rows } = await client.query<{ large: string }>('SELECT $1::text AS large', [large])
  expect(rows[0]!.large).toBe(large)
  expect(counter.count().roundTrips).toBe(3)
  expect(counter.count().bytesSent).toBeGreaterThan(large.length)
})

it('counts each statement of a transaction', async () => {
  for (const statement of ['BEGIN', 'SELECT 1', 'SELECT 2', 'COMMIT']) await client.query(statement)
  expect(counter.count().roundTrips).toBe(4)
})

it('adds up the round trips of several connections', async () => {
  const other = new pg.Client({ connectionString: counter.connectionString })
  await other.connect()
  counter.reset()
  await Promise.all([client.query('SELECT pg_sleep(0.01)'), other.query('SELECT pg_sleep(0.01)')])
  expect(counter.count().roundTrips).toBe(2)
  await other.end()
})

it('lets go of the server when a client goes', async () => {
  const connections = () =>
    database.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = 'tenantry_app' AND datname = current_database()",
    )
  expect((await connections())[0]!.count).toBe(1)
  await client.end()
  await expect.poll(async () => (await connections())[0]!.count).toBe(0)
})
