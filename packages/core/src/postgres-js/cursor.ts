import type { Execution } from './execution.ts'
import type { PendingQuery } from './pending-query.ts'

type Cursor = (this: PendingQuery, ...given: unknown[]) => unknown

/**
 * Has the iterator of `query.cursor()` fail when its connection does. That of postgres.js forgets an error that comes
 * between two batches, and ends as if there were no more rows.
 */
export function failWithConnection(query: PendingQuery): void {
  const own = query as PendingQuery & { cursor: Cursor }
  const { cursor } = own
  own.cursor = (...given) => {
    const made = cursor.apply(query, given)
    if (made === query) {
      settleWithCallback(query)
      return made
    }
    const failure = watchFailure(query)
    const iterable = made as AsyncIterable<unknown>
    return {
      [Symbol.asyncIterator](): AsyncIterator<unknown> {
        const iterator = iterable[Symbol.asyncIterator]()
        return {
          async next() {
            const step = await iterator.next()
            if (step.done === true && failure.error !== undefined) throw failure.error
            return step
          },
          return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
        }
      },
    }
  }
}

/**
 * Has a query with a callback settle after the last call, and fail if that fails. postgres.js does not wait for it, and
 * what it rejects with would end the process.
 */
function settleWithCallback(query: PendingQuery): void {
  const { cursorFn, resolve } = query
  let last: Promise<unknown> = Promise.resolve()
  query.cursorFn = (rows) => {
    last = (async () => cursorFn?.(rows))()
    return last
  }
  query.resolve = (value) => {
    // From now on there is nothing to cancel.
    query.active = false
    last.then(
      () => resolve(value),
      (error: unknown) => query.reject(error),
    )
  }
}

/** Remembers what a query is rejected with, whichever function of its iterator's is told. */
function watchFailure(query: PendingQuery): { error?: unknown } {
  const failure: { error?: unknown } = {}
  const remember =
    (reject: PendingQuery['reject']): PendingQuery['reject'] =>
    (error) => {
      failure.error ??= error
      reject(error)
    }
  let current = remember(query.reject)
  void Object.defineProperty(query, 'reject', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(reject: PendingQuery['reject']) {
      current = remember(reject)
    },
  })
  return failure
}

/**
 * Keeps a cursor from asking for its next batch once its connection is gone. postgres.js would keep what it has yet to write,
 * with a timer that is no more, and its next connection would never write anything.
 */
export function stopWithConnection(execution: Execution): void {
  const { query } = execution
  let cursor = query.cursorFn
  if (cursor === undefined) return
  const whileConnected = (rows: unknown): Promise<unknown> => {
    const wanted = Promise.resolve(cursor?.(rows))
    const settled = new Promise((resolve, reject) => {
      const unlessOver =
        <Value>(settle: (value: Value) => void) =>
        (value: Value): void => {
          if (execution.session?.isOver !== true) settle(value)
        }
      wanted.then(unlessOver(resolve), unlessOver(reject))
    })
    // After the last batch nobody waits for it.
    settled.catch(() => {})
    return settled
  }
  void Object.defineProperty(query, 'cursorFn', {
    configurable: true,
    enumerable: true,
    get: () => whileConnected,
    set(next: PendingQuery['cursorFn']) {
      cursor = next
    },
  })
}
