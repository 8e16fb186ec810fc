import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { GONE, expectGone } from './expect-gone.ts'
import { runProgram } from './run-program.ts'
import { isRunning } from './server-facts.ts'
import type { ServerFacts } from './server-facts.ts'
import { useTemporaryDirectory } from './temporary-directory.ts'

const temporary = useTemporaryDirectory()

describe('an embedded server that nobody stopped', { timeout: 2 * GONE.timeout }, () => {
  it.for(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('ends with a process killed by %s', async (signal) => {
    const program = runProgram('start-server', { values: ['wait'] })
    const server = (await program.firstLine) as ServerFacts
    expect(isRunning(server.pid)).toBe(true)
    program.kill(signal)
    expect((await program.ended).signal).toBe(signal)
    await expectGone(server)
  })

  it.for([
    { how: 'exit', code: 3 },
    { how: 'throw', code: 1 },
    { how: 'finish', code: 0 },
  ])('ends with a process that does $how, whose exit code stays $code', async ({ how, code }) => {
    const program = runProgram('start-server', { values: [how] })
    const server = (await program.firstLine) as ServerFacts
    expect((await program.ended).code).toBe(code)
    await expectGone(server)
  })

  it('ends with a process killed while its data directory is being made', async () => {
    const program = runProgram('start-server', { values: ['wait'] })
    await vi.waitFor(async () => {
      const [directory] = await readdir(temporary.path)
      expect(existsSync(path.join(temporary.path, directory ?? '', 'data', 'PG_VERSION'))).toBe(true)
    }, GONE)
    program.kill('SIGKILL')
    expect((await program.ended).output).toBe('')
    await vi.waitFor(async () => expect(await readdir(temporary.path)).toEqual([]), GONE)
  })
})
