import type pg from 'pg'
import { expect } from 'vitest'

/** How long a connection may take, in milliseconds, before it counts as lost. */
const PATIENCE = 5_000

/**
 * Asserts that a pool has lost no connection: all of them can be checked out at once, each answers, and when they are
 * back nobody waits. To be called in a scope, with nothing checked out.
 */
export async function expectWhole(pool: pg.Pool): Promise<void> {
  const { connectionTimeoutMillis } = pool.options
  pool.options.connectionTimeoutMillis = PATIENCE
  const attempts = await Promise.allSettled(Array.from({ length: pool.options.max }, () => pool.connect()))
  pool.options.connectionTimeoutMillis = connectionTimeoutMillis
  const clients = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))
  try {
    expect(
      attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason as unknown] : [])),
    ).toEqual([])
    const answers = await Promise.all(clients.map((client) => client.query('select 1 as one')))
    expect(answers.map(({ rows }) => rows as unknown)).toEqual(clients.map(() => [{ one: 1 }]))
  } finally {
    for (const client of clients) client.release()
  }
  expect([pool.totalCount, pool.waitingCount]).toEqual([pool.options.max, 0])
}
