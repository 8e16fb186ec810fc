import { showAttacks } from './attacks.ts'
import { showNoTenant } from './no-tenant.ts'
import { showOnboarding } from './onboarding.ts'
import type { Report } from './report.ts'
import { showRoundTrips } from './round-trips.ts'
import { showSystemReport } from './system-report.ts'
import { withTour, type TourUrls } from './tour.ts'
import { showTwoTenantsAtOnce } from './two-tenants-at-once.ts'

/** The tour in its order: each part is a file of its own, to be read on its own. */
const parts = [
  showTwoTenantsAtOnce,
  showAttacks,
  showNoTenant,
  showOnboarding,
  showSystemReport,
  showRoundTrips,
]

/**
 * Shows what a tenant can and cannot do. Whatever turns out wrong is marked in the report.
 *
 * @throws TenantryError `UNSAFE_DATABASE` when roles or policies do not protect the tenants
 */
export function runTour(urls: TourUrls, report: Report): Promise<void> {
  return withTour(urls, report, async (tour) => {
    // Asks the server, as the application's own role, whether roles and policies are fit for the purpose.
    await tour.pool.verify()
    report.note('pool.verify() has nothing against the roles and policies of this database.')
    for (const show of parts) await show(tour)
  })
}
