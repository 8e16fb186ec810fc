/**
 * The lines of `COPY (SELECT <one column>) TO STDOUT`, whose chunks end anywhere, even inside a character.
 *
 * COPY's text format escapes backslashes and control characters; PostgreSQL ends each row with a bare newline.
 * https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
 *
 * It reads to the end even if whoever takes the lines gives up: a COPY that nobody reads blocks its connection.
 */
export async function* copyLines(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const iterator = chunks[Symbol.asyncIterator]()
  let rest = ''
  let ended = false
  try {
    for (;;) {
      const next = await endedByFailure(iterator.next())
      if (next.done === true) break
      rest += typeof next.value === 'string' ? next.value : decoder.decode(next.value, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield unescaped(line)
    }
    ended = true
    rest += decoder.decode()
    if (rest !== '') throw new Error('The data of COPY ended in the middle of a row.')
  } finally {
    if (!ended) await drain()
  }

  async function endedByFailure<T>(next: Promise<T>): Promise<T> {
    try {
      return await next
    } catch (error) {
      ended = true
      throw error
    }
  }

  async function drain(): Promise<void> {
    try {
      while ((await iterator.next()).done !== true);
    } catch {
      // Then the connection is free of it, too; what made the reader give up tells more.
    }
  }
}

const SPECIAL: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function unescaped(line: string): string {
  return line.includes('\\')
    ? line.replaceAll(/\\([\s\S])/g, (_, escaped: string) => SPECIAL[escaped] ?? escaped)
    : line
}
