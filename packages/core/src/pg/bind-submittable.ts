import { inCallersContext } from './caller-context.ts'
import type { AnyFunction } from './caller-context.ts'
import { prepareValue } from './pg-internals.ts'
import type { Submittable } from './pg-internals.ts'

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
