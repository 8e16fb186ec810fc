import type { DatabaseFunction, Grant } from '../catalogue/catalogue.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { GrantTarget } from './grant-changes.ts'
import { deparsedTenantFunctionBody } from './tenant-condition.ts'

/** The schema of all functions that Tenantry makes. */
export const TENANTRY_SCHEMA = 'tenantry'

/** `tenantry.tenant_id()` as it is and as it shall be. */
export interface TenantFunction {
  /** Undefined if there is none yet. */
  readonly existing: DatabaseFunction | undefined
  /** Whether the existing one does what it shall. */
  readonly upToDate: boolean
  /** The rights on it, once it exists. */
  readonly target: GrantTarget
}

export function tenantFunction(tenancy: ResolvedTenancy): TenantFunction {
  const existing = tenancy.catalogue.functions.find(
    (candidate) =>
      candidate.schema === TENANTRY_SCHEMA && candidate.name === 'tenant_id' && candidate.arguments === '',
  )
  return {
    existing,
    upToDate: existing !== undefined && isUpToDate(existing, tenancy),
    target: { sql: 'FUNCTION tenantry.tenant_id()', grants: existing?.grants ?? initialGrants },
  }
}

/** What PostgreSQL gives everybody on a new function. */
const initialGrants: readonly Grant[] = [{ grantee: 'public', privilege: 'EXECUTE', grantable: false }]

function isUpToDate(existing: DatabaseFunction, tenancy: ResolvedTenancy): boolean {
  return (
    existing.kind === 'function' &&
    existing.language === 'sql' &&
    existing.returns === tenancy.tenantType &&
    existing.volatility === 'stable' &&
    existing.parallel === 'safe' &&
    !existing.securityDefiner &&
    !existing.leakproof &&
    existing.settings.length === 0 &&
    existing.body === deparsedTenantFunctionBody(tenancy)
  )
}
