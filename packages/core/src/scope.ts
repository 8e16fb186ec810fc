/** What every scope has. */
interface ScopeBase {
  /** The declared settings that have a value, as the text that PostgreSQL receives, by their JavaScript key. */
  readonly values: Readonly<Record<string, string>>
  /** Equal for two scopes exactly if they are the same: kind, tenant and every setting. Good as a cache key. */
  readonly key: string
}

/** Work for one tenant. */
export interface TenantScope extends ScopeBase {
  readonly kind: 'tenant'
  /** The normalised tenant id. */
  readonly tenantId: string
}

/** Work explicitly for no tenant: the application's role, an empty tenant setting. */
export interface NoTenantScope extends ScopeBase {
  readonly kind: 'none'
}

/** Work across tenants, through the system pool. */
export interface SystemScope extends ScopeBase {
  readonly kind: 'system'
  /** Why it crosses tenants, as given to `asSystem`. */
  readonly reason: string
}

/** What a piece of work acts as: a tenant, none, or the system. Frozen. */
export type Scope = TenantScope | NoTenantScope | SystemScope

class ScopeOf<Kind extends Scope['kind']> {
  readonly kind: Kind
  readonly values: Readonly<Record<string, string>>
  #key: string | undefined

  constructor(kind: Kind, values: Readonly<Record<string, string>>) {
    this.kind = kind
    this.values = Object.freeze(values)
  }

  // Made when somebody asks: most scopes are compared by identity alone.
  get key(): string {
    return (this.#key ??= JSON.stringify([
      this.kind,
      ...Object.entries(this.values).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]))
  }
}

class ScopeOfTenant extends ScopeOf<'tenant'> implements TenantScope {
  readonly tenantId: string

  constructor(tenantId: string, values: Readonly<Record<string, string>>) {
    super('tenant', values)
    this.tenantId = tenantId
    Object.freeze(this)
  }
}

class ScopeOfSystem extends ScopeOf<'system'> implements SystemScope {
  readonly reason: string

  constructor(reason: string) {
    super('system', {})
    this.reason = reason
    Object.freeze(this)
  }
}

/** A frozen scope for a tenant; `values` includes the tenant id. */
export function tenantScope(tenantId: string, values: Readonly<Record<string, string>>): TenantScope {
  return new ScopeOfTenant(tenantId, values)
}

/** A frozen scope without a tenant. */
export function noTenantScope(values: Readonly<Record<string, string>>): NoTenantScope {
  return Object.freeze(new ScopeOf('none', values))
}

/** A frozen system scope. Its reason is for the audit and no part of what the database sees. */
export function systemScope(reason: string): SystemScope {
  return new ScopeOfSystem(reason)
}

/** A scope in a few words, for messages. Says the tenant but no other setting. */
export function describeScope(scope: Scope | undefined): string {
  switch (scope?.kind) {
    case undefined:
      return 'no scope'
    case 'tenant':
      return `tenant ${JSON.stringify(scope.tenantId)}`
    case 'none':
      return 'no tenant (withoutTenant)'
    case 'system':
      return 'the system (asSystem)'
  }
}
