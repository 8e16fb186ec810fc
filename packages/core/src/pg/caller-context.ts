import { AsyncResource } from 'node:async_hooks'
import { withoutScope } from '../tenancy.ts'
import type { Tenancy } from '../tenancy.ts'

/*
 * Drivers call back from the socket's events, in the asynchronous context of whoever opened the connection, and pg-pool in
 * that of whoever released it. Everything a caller hands over is therefore bound to the caller's own context.
 */

export type AnyFunction = (...values: never[]) => unknown

/**
 * `fn`, to run in the context of this moment. As `AsyncResource.bind` does, which takes forty times as long: it gives each
 * function a deprecated property of its own. Every statement of some ORMs binds two.
 */
export function inCallersContext<Fn extends AnyFunction>(fn: Fn): Fn {
  const context = new AsyncResource('Tenantry')
  const call = fn as unknown as (...values: unknown[]) => unknown
  return function (this: unknown, ...values: unknown[]) {
    return context.runInAsyncScope(call, this, ...values)
  } as unknown as Fn
}

/** The context in which this module was loaded: outside of any other library's scope, too. */
const outside = new AsyncResource('Tenantry')

/**
 * Runs `fn` in the context of no request, so that what it starts (sockets, timers) holds on to nobody's scope.
 * It leaves the tenancy's own scope explicitly: an application may load this module in the middle of a request.
 */
export function outsideOfRequests<T>(tenancy: Tenancy, fn: () => T): T {
  return outside.runInAsyncScope(() => withoutScope(tenancy, fn))
}
