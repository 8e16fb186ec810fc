import { vi } from 'vitest'

/** Waits until `check` no longer throws: for as long as a busy machine may take, which is longer than vitest's one second. */
export function eventually<Value>(check: () => Value | Promise<Value>): Promise<Value> {
  return vi.waitFor(check, { timeout: 20_000 })
}
