import { TenantPool } from '@tenantry/core/pg'
import pg from 'pg'
import { UsageError } from '../data-file.ts'
import { startRoundTripCounter, type RoundTripCounter } from '../round-trip-counter.ts'
import { tenancy } from '../tenancy.ts'
import type { Report } from './report.ts'

/** A company of the data; its name is cut so that headings fit the screen. */
export interface Tenant {
  id: string
  name: string
}

/** What every part of the tour works with. */
export interface Tour {
  /** The application's pool, as its own code would use it; it connects by way of the counter. */
  pool: TenantPool
  counter: RoundTripCounter
  /** A connection of its own that sees everything: what the application is told is compared with it. */
  superuser: pg.Client
  /** The two companies with the most tasks. */
  tenants: [Tenant, Tenant]
  report: Report
}

/** Connection strings of the roles that the tour uses. */
export interface TourUrls {
  app: string
  system: string
  superuser: string
}

/**
 * Opens what the tour needs, does the work and closes it again.
 *
 * @throws UsageError if the data has no two companies with tasks
 */
export async function withTour(
  urls: TourUrls,
  report: Report,
  work: (tour: Tour) => Promise<void>,
): Promise<void> {
  const counter = await startRoundTripCounter(urls.app)
  const superuser = new pg.Client({ connectionString: urls.superuser })
  const pool = new TenantPool({
    tenancy,
    connectionString: counter.connectionString,
    max: 4,
    // Closing an idle connection in the middle of the tour would be counted, too.
    idleTimeoutMillis: 0,
    system: { connectionString: urls.system },
  })
  // When the server goes away, the statement that runs or follows fails with the cause; this event only repeats it.
  superuser.on('error', () => {})
  try {
    await superuser.connect()
    await work({ pool, counter, superuser, tenants: await findLargestTenants(superuser), report })
  } finally {
    await Promise.allSettled([pool.end(), superuser.end()])
    await counter.close()
  }
}

async function findLargestTenants(superuser: pg.Client): Promise<[Tenant, Tenant]> {
  const { rows } = await superuser.query<Tenant>(
    `SELECT tenants.id, left(tenants.name, 20) AS name FROM tenants JOIN tasks ON tasks.tenant_id = tenants.id
     GROUP BY tenants.id ORDER BY count(*) DESC, tenants.id LIMIT 2`,
  )
  const [first, second] = rows
  if (!first || !second) {
    throw new UsageError(`The tour needs two companies with a task each; the data has ${rows.length}.`)
  }
  return [first, second]
}
