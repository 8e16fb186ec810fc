/**
 * What `run` hands back for what its function returned: a promise for anything thenable, everything else as it is.
 */
export type ScopedResult<T> = T extends PromiseLike<unknown> ? Promise<Awaited<T>> : T

/** Runs a function inside the scope in question. */
export type Enter = <T>(fn: () => T) => T

type Method = (this: unknown, ...values: unknown[]) => unknown

// Asks before it reads: reading an unknown property of a caller's proxy can throw.
const hasMethod = (value: unknown, name: PropertyKey): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  name in value &&
  typeof (value as Record<PropertyKey, unknown>)[name] === 'function'

/**
 * Keeps a function's result inside the scope it was made in. ORMs return lazy results which start only when awaited,
 * iterated or subscribed to, and by then the scope has been left: a thenable (Prisma, Drizzle, Knex) is started at
 * once; an async iterable, a Readable and an Observable keep entering the scope whenever they are pulled or subscribed.
 *
 * Must be called inside the scope.
 */
export function keepInScope<T>(result: T, enter: Enter): ScopedResult<T> {
  if (result instanceof Promise) {
    return result.then((value: unknown) => keepIterationInScope(value, enter)) as ScopedResult<T>
  }
  if (hasMethod(result, 'then')) {
    // Calling `then` here, not through Promise.resolve, which would do so one microtask later.
    return new Promise((resolve, reject) => {
      ;(result as PromiseLike<unknown>).then(resolve, reject)
    }).then((value) => keepIterationInScope(value, enter)) as ScopedResult<T>
  }
  return keepIterationInScope(result, enter) as ScopedResult<T>
}

function keepIterationInScope(value: unknown, enter: Enter): unknown {
  if (hasMethod(value, 'pipe') && hasMethod(value, '_read'))
    return keepReadableInScope(value as object, enter)
  // A web ReadableStream is recognised by its internal slots, which a view does not have.
  if (hasMethod(value, 'getReader')) return value
  if (hasMethod(value, Symbol.asyncIterator))
    return keepMethodsInScope(value as object, enter, iterationMethods)
  if (hasMethod(value, 'subscribe') && hasMethod(value, 'pipe')) {
    return keepMethodsInScope(value as object, enter, observableMethods)
  }
  return value
}

// A stream is used through its identity (pipe, events), so it is not wrapped: its pull hooks are.
function keepReadableInScope(stream: object, enter: Enter): unknown {
  const hooks = stream as Record<string, Method | undefined>
  for (const name of ['_read', '_destroy']) {
    const hook = hooks[name]
    if (hook !== undefined) hooks[name] = (...values) => enter(() => hook.apply(stream, values))
  }
  return stream
}

const iterationMethods = new Set<PropertyKey>([Symbol.asyncIterator, 'next', 'return', 'throw'])
const observableMethods = new Set<PropertyKey>(['subscribe'])

/** A view of `target` whose named methods run inside the scope, and so do those of an iterator they return. */
function keepMethodsInScope(target: object, enter: Enter, names: ReadonlySet<PropertyKey>): object {
  return new Proxy(target, {
    get(object, name, receiver: unknown) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      const method = value as Method
      if (!names.has(name)) {
        // Operators such as `pipe` must keep the view as their source, or their subscription would escape the scope.
        return names === observableMethods ? method : method.bind(object)
      }
      return (...values: unknown[]) => {
        const result: unknown = enter(() => method.apply(object, values))
        return name === Symbol.asyncIterator
          ? result === object
            ? receiver
            : keepMethodsInScope(result as object, enter, names)
          : result
      }
    },
  })
}
