import type { Tenancy } from '@tenantry/core'
import { Observable, type MonoTypeOperatorFunction } from 'rxjs'

/**
 * An operator after which values are handled in the scope of whoever subscribed. A Subject calls its subscribers from where
 * somebody else calls `next`: without this, what a websocket's or an event stream's own operators read, they read as the tenant
 * whose request published the event.
 *
 * @param tenancy that of the pool
 * @example
 * ```ts no-run
 * @Sse('counts')
 * counts() {
 *   return this.changes$.pipe(
 *     keepScope(this.tenancy),
 *     mergeMap(() => this.projects.count()),
 *   )
 * }
 * ```
 */
export function keepScope<T>(tenancy: Tenancy): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) =>
      source.subscribe({
        next: tenancy.bind((value: T) => subscriber.next(value)),
        error: tenancy.bind((error: unknown) => subscriber.error(error)),
        complete: tenancy.bind(() => subscriber.complete()),
      }),
    )
}
