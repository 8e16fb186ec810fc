import type { QueryCallback, Submittable, WireConnection } from './pg-internals.ts'

/** Refuses a query in the way it would have answered: callback, submittable or promise; never by throwing. */
export function refuseQuery(
  error: Error,
  config: unknown,
  values: unknown,
  callback: unknown,
  connection: WireConnection,
): unknown {
  const given = typeof values === 'function' ? values : callback
  if (typeof (config as Partial<Submittable> | null)?.submit === 'function') {
    const submittable = config as Submittable
    if (!submittable.callback && typeof given === 'function') submittable.callback = given as QueryCallback
    process.nextTick(() => submittable.handleError(error, connection))
    return submittable
  }
  const own = given ?? (config as { callback?: unknown } | null)?.callback
  if (typeof own !== 'function') return Promise.reject(error)
  process.nextTick(own, error)
  return undefined
}
