import { AsyncResource } from 'node:async_hooks'
import { withoutScope } from '../tenancy.ts'
import type { Tenancy } from '../tenancy.ts'
import { prepareValue } from './pg-internals.ts'
import type { Submittable } from './pg-internals.ts'

/*
 * pg calls back from the socket's events, in the asynchronous context of whoever opened the connection, and pg-pool in
 * that of whoever released it. Everything a caller hands over is therefore bound to the caller's own context.
 */

type AnyFunction = (...values: never[]) => unknown

/** `fn`, to run in the context of this moment. */
export function inCallersContext<Fn extends AnyFunction>(fn: Fn): Fn {
  return AsyncResource.bind(fn as unknown as (...values: unknown[]) => unknown) as unknown as Fn
}

/** The context in which this module was loaded: outside of any other library's scope, too. */
const outside = new AsyncResource('TenantPool')

/**
 * Runs `fn` in the context of no request, so that what it starts (sockets, timers) holds on to nobody's scope.
 * It leaves the tenancy's own scope explicitly: an application may load this module in the middle of a request.
 */
export function outsideOfRequests<T>(tenancy: Tenancy, fn: () => T): T {
  return outside.runInAsyncScope(() => withoutScope(tenancy, fn))
}

// What pg calls on a submittable (its `submit` converts values), and what its listeners hear.
const HANDLERS = [
  'submit',
  'handleRowDescription',
  'handleDataRow',
  'handlePortalSuspended',
  'handleCommandComplete',
  'handleEmptyQuery',
  'handleReadyForQuery',
  'handleError',
  'handleCopyInResponse',
  'handleCopyData',
  'emit',
]

/**
 * Binds a caller's own query object to its context: pg's handlers, its events, and a cursor's callbacks. Its values are
 * converted now, as those of any query: one that throws between Parse and Bind leaves half a group on the wire, and
 * before pg 8.17 half a message in the buffer that all connections of the process share.
 *
 * @throws whatever converting a value throws
 */
export function bindSubmittable(submittable: Submittable): void {
  if (Array.isArray(submittable.values)) {
    submittable.values = submittable.values.map((value) => prepareValue(value))
  }
  const members = submittable as unknown as Record<string, unknown>
  const method = (name: string) =>
    typeof members[name] === 'function' ? (members[name] as AnyFunction) : undefined
  if (typeof submittable.callback === 'function')
    submittable.callback = inCallersContext(submittable.callback)
  for (const name of HANDLERS) {
    const handler = method(name)
    if (handler !== undefined) members[name] = inCallersContext<AnyFunction>(handler.bind(submittable))
  }
  if (method('pipe') !== undefined) return
  // pg-cursor: each callback belongs to whoever reads or closes.
  for (const name of ['read', 'close']) {
    const take = method(name)
    if (take === undefined) continue
    members[name] = (...values: unknown[]) =>
      take.apply(
        submittable,
        values.map((value) =>
          typeof value === 'function' ? inCallersContext(value as AnyFunction) : value,
        ) as never[],
      )
  }
}
