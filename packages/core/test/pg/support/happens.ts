import type { EventEmitter } from 'node:events'

/** Resolves at the next event of that name. Unlike `once` of node:events it does not take an `error` for its own. */
export function happens(emitter: Pick<EventEmitter, 'once'>, event: string): Promise<void> {
  return new Promise((resolve) => emitter.once(event, () => resolve()))
}
