import { channel } from 'node:diagnostics_channel'
import type { TenantryError } from './errors.ts'
import type { Scope, SystemScope } from './scope.ts'

/** Published on `tenantry:scope` when `run`, `withoutTenant`, `asSystem` or `assign` makes a scope the current one. */
export interface ScopeEvent {
  readonly scope: Scope
  /** The scope it was entered from. */
  readonly from: Scope | undefined
}

/** Published on `tenantry:system` once for each `asSystem`: the audit of work that crosses tenants. */
export interface SystemEvent {
  readonly reason: string
  readonly scope: SystemScope
  /** Who asked: the scope `asSystem` was called in, with its settings (such as the user). */
  readonly from: Scope | undefined
}

/** Published on `tenantry:refused` when a statement, checkout or scope is refused. */
export interface RefusedEvent {
  readonly code: TenantryError['code']
  readonly error: TenantryError
  /** The scope in which it was asked. */
  readonly scope: Scope | undefined
}

const scopeChannel = channel('tenantry:scope')
const systemChannel = channel('tenantry:system')
const refusedChannel = channel('tenantry:refused')

export function publishScope(event: ScopeEvent): void {
  if (scopeChannel.hasSubscribers) scopeChannel.publish(event)
}

export function publishSystem(event: SystemEvent): void {
  if (systemChannel.hasSubscribers) systemChannel.publish(event)
}

/** Publishes the refusal and returns its error, to be thrown or handed to a callback. */
export function refused<E extends TenantryError>(error: E, scope: Scope | undefined): E {
  if (refusedChannel.hasSubscribers)
    refusedChannel.publish({ code: error.code, error, scope } satisfies RefusedEvent)
  return error
}
