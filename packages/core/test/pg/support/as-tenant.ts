import type pg from 'pg'
import { tenancy, tenantId } from './tenants.ts'

/** Runs `fn` for a numbered tenant. */
export function asTenant<T>(number: number, fn: () => Promise<T>): Promise<T> {
  return tenancy.run(tenantId(number), fn) as Promise<T>
}

/** The number of the tenant that this moment acts for. */
export function currentTenant(): number | undefined {
  const scope = tenancy.current()
  return scope?.kind === 'tenant' ? numberOf(scope.tenantId) : undefined
}

/** Reads whose rows the server shows. */
export const WHOSE_ROWS = 'select distinct tenant_id as tenant from projects'

/** The same, taking a value. */
export const WHOSE_ROWS_WITH_VALUE = `${WHOSE_ROWS} where $1::int = 1`

/** The numbers of the tenants whose rows a result of {@link WHOSE_ROWS} shows. */
export function tenantsIn(result: unknown): number[] {
  const { rows } = result as pg.QueryResult<{ tenant: string }>
  return rows.map(({ tenant }) => numberOf(tenant))
}

function numberOf(id: string): number {
  return Number(id.slice(-12))
}
