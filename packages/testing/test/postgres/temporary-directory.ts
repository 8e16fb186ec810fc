import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'

/**
 * Gives each test of a file an empty directory of its own as TMPDIR, where servers then keep their files. Its name
 * is one that careless quoting trips over (initdb itself does over " and $), and any user may use it.
 */
export function useTemporaryDirectory(): { readonly path: string } {
  const directory = { path: '' }
  beforeEach(async () => {
    directory.path = await mkdtemp(path.join(tmpdir(), `it's a test `))
    await chmod(directory.path, 0o777)
    vi.stubEnv('TMPDIR', directory.path)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(directory.path, { recursive: true, force: true })
  })
  return directory
}
