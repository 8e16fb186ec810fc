import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { tenancy } from '../tenancy.ts'
import type { Tour } from './tour.ts'

const latestTasks = 'SELECT title, status, due_on FROM tasks ORDER BY created_at DESC, id LIMIT 10'

/** What a scoped query costs in network round trips, beside the usual way and a query that is not scoped at all. */
export async function showRoundTrips({ pool, counter, tenants: [tenant], report }: Tour): Promise<void> {
  report.heading('Network round trips of one query, counted on the wire')

  const plainClient = new pg.Client({ connectionString: counter.connectionString })
  await plainClient.connect()
  try {
    const count = async <Result>(work: () => Promise<Result>): Promise<{ trips: number; result: Result }> => {
      counter.reset()
      const result = await work()
      return { trips: counter.count().roundTrips, result }
    }
    const queryScoped = () => tenancy.run(tenant.id, () => pool.query(latestTasks))
    // Once beforehand, so that the pool has a connection and opening one is not counted.
    await queryScoped()

    const scoped = await count(queryScoped)
    const transaction = await count(() => queryInTransaction(plainClient, tenant.id))
    const unscoped = await count(() => plainClient.query(latestTasks))

    report.check(scoped.trips === 1, `${scoped.trips}  Tenantry, scoped to ${tenant.name}`)
    report.check(
      transaction.trips === 4 && isDeepStrictEqual(transaction.result.rows, scoped.result.rows),
      `${transaction.trips}  BEGIN, set_config, the query, COMMIT: the same ${transaction.result.rows.length} rows`,
    )
    report.check(
      unscoped.trips === 1 && unscoped.result.rows.length === 0,
      `${unscoped.trips}  plain pg without a company: ${unscoped.result.rows.length} rows`,
    )
  } finally {
    await plainClient.end().catch(() => {})
  }
}

async function queryInTransaction(client: pg.Client, tenantId: string): Promise<pg.QueryResult> {
  await client.query('BEGIN')
  await client.query("SELECT set_config('app.current_tenant_id', $1, true)", [tenantId])
  const result = await client.query(latestTasks)
  await client.query('COMMIT')
  return result
}
