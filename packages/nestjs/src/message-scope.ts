import { TenantRequiredError, type ScopedResult, type Tenancy, type TenantScope } from '@tenantry/core'

/** Runs a function as what a message, a connection or a job acts as. */
export type Enter = <T>(fn: () => T) => ScopedResult<T>

/**
 * What comes from outside acts for the tenant it names and for nothing else: whatever scope happens to surround it, such as
 * that of the request in which a socket or a timer was made, adds no setting.
 */
export function enterTenant(tenancy: Tenancy, { values }: TenantScope): Enter {
  return (fn) =>
    tenancy.defer(() => {
      // Assigned and not run: guards that assign the tenant, as they do over HTTP, find that it is theirs already.
      tenancy.assign(values)
      return fn()
    })
}

/** Runs `fn` with no scope, until somebody opens or assigns one. */
export function withFreshScope<T>(tenancy: Tenancy, fn: () => T): T {
  return tenancy.defer(fn) as T
}

/** The error of a message or a connection that names no tenant. */
export function noTenantNamed(what: string, next: string): TenantRequiredError {
  return new TenantRequiredError(`${what} names no tenant, so that no handler was called. ${next}`)
}
