import { TenantryError } from '@tenantry/core'
import type { Tour } from './tour.ts'

/** A query that nobody gave a tenant is refused before anything is sent. */
export async function showNoTenant({ pool, counter, report }: Tour): Promise<void> {
  report.heading('A query that nobody gave a company')

  counter.reset()
  const outcome: unknown = await pool.query('SELECT * FROM tasks').catch((error: unknown) => error)
  const code = TenantryError.isInstance(outcome) ? outcome.code : String(outcome)
  const { bytesSent } = counter.count()
  report.check(code === 'TENANT_REQUIRED', `refused with ${code}`)
  report.check(bytesSent === 0, `${bytesSent} bytes were sent to PostgreSQL`)
}
