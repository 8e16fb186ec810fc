import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, vi } from 'vitest'
import { isRunning } from './server-facts.ts'
import type { ServerFacts } from './server-facts.ts'

/** How long to wait for the end of a server that nobody waits for: usually a moment, but machines are busy. */
export const GONE = { timeout: 30_000, interval: 50 }

/** Waits until nothing is left of a server, neither process nor files. */
export async function expectGone(server: ServerFacts): Promise<void> {
  await vi.waitFor(() => {
    expect(isRunning(server.pid)).toBe(false)
    expect(existsSync(path.dirname(server.dataDirectory))).toBe(false)
  }, GONE)
}
