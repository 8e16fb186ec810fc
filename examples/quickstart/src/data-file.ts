import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** Something the person running the demo can put right; shown without a stack trace. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/**
 * The size of a data file in bytes.
 *
 * @throws UsageError when there is no such file, or it is a directory.
 */
export async function sizeOfDataFile(path: string): Promise<number> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new UsageError(`There is no file ${path}.`) : unreadable(path, error)
  })
  if (stats.isDirectory()) throw new UsageError(`${path} is a directory; give a .jsonl or .jsonl.gz file.`)
  return stats.size
}

/**
 * The bytes of a data file, unpacked if its name ends in .gz.
 *
 * @param onProgress called with the number of bytes of the file read so far
 * @param signal stops reading
 */
export async function* readDataFile(
  path: string,
  onProgress: (bytes: number) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { signal })
  // pipeline, because pipe leaves the other stream open when one of them fails; the reader below gets the error.
  const contents = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file
  try {
    for await (const chunk of contents) {
      onProgress(file.bytesRead)
      yield chunk
    }
  } catch (error) {
    throw unreadable(path, error as Error)
  }
}

function unreadable(path: string, error: Error): UsageError {
  return new UsageError(`${path} cannot be read: ${error.message}`, { cause: error })
}
