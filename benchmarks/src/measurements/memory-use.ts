import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is in use on this process's heap, buffers outside it included, in bytes, after collecting garbage. */
export async function bytesInUse(): Promise<number> {
  for (let pass = 0; pass < 3; pass += 1) {
    // Closed sockets let go of their buffers in a later turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * The private memory of a PostgreSQL backend in bytes, or undefined where it cannot be read: not Linux, no
 * permission, or a server that is not in this machine's process table under that id (such as a container's).
 * https://www.kernel.org/doc/html/latest/filesystems/proc.html
 */
export async function backendPrivateBytes(processId: number, database: string): Promise<number | undefined> {
  try {
    const title = await readFile(`/proc/${processId}/cmdline`, 'utf8')
    if (!title.startsWith('postgres:') || !title.includes(database)) return undefined
    const rollup = await readFile(`/proc/${processId}/smaps_rollup`, 'utf8')
    const kilobytes = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]))
    return kilobytes.reduce((total, value) => total + value, 0) * 1024
  } catch {
    return undefined
  }
}
