import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scope } from './scope.ts'

/**
 * What is current in one asynchronous context. Mutable only for `defer`: its scope is filled in once, by `assign`,
 * and everything started since the `defer` then sees it.
 */
export interface ContextEntry {
  scope: Scope | undefined
  readonly deferred: boolean
}

export type ContextStore = AsyncLocalStorage<ContextEntry>

const registryKey = Symbol.for('@tenantry/core/context-stores/v1')

/**
 * The store of one tenancy. Kept on `globalThis`, so that two copies of this package in one process (the ESM and the
 * CommonJS build, or two versions) share one context: with two stores, a scope opened through one copy would not exist
 * for a pool made by the other.
 *
 * @param identity equal for tenancies that are the same one
 */
export function contextStore(identity: string): ContextStore {
  const holder = globalThis as { [registryKey]?: Map<string, ContextStore> }
  const registry = (holder[registryKey] ??= new Map())
  let store = registry.get(identity)
  if (store === undefined) {
    store = new AsyncLocalStorage<ContextEntry>()
    registry.set(identity, store)
  }
  return store
}
