/** One line of a text file, or why it cannot be read as one. */
export type Line = { number: number; text: string } | { number: number; problem: string }

/** A record is a few hundred bytes: a longer line than this is not one, and is skipped without being held in memory. */
const longestLine = 64 * 1024
const lineFeed = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Splits a stream of bytes into UTF-8 lines (LF or CRLF, the last one with or without), holding no more than one chunk
 * and one line. Node's readline is not used because it holds a line of any length and replaces invalid UTF-8 silently.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 0
  let rest: Buffer = Buffer.alloc(0)
  let restIsTooLong = false

  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk])
    let start = 0
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
      yield decodeLine(++number, bytes.subarray(start, end), restIsTooLong)
      restIsTooLong = false
      start = end + 1
    }
    rest = bytes.subarray(start)
    if (rest.length > longestLine) {
      restIsTooLong = true
      rest = Buffer.alloc(0)
    }
  }
  if (rest.length > 0 || restIsTooLong) yield decodeLine(++number, rest, restIsTooLong)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeLine(number: number, bytes: Buffer, isTooLong: boolean): Line {
  if (isTooLong || bytes.length > longestLine) return { number, problem: `longer than ${longestLine} bytes` }

  const hasMark = number === 1 && bytes.subarray(0, 3).equals(byteOrderMark)
  const start = hasMark ? byteOrderMark.length : 0
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length
  try {
    return { number, text: decoder.decode(bytes.subarray(start, end)) }
  } catch {
    return { number, problem: 'not UTF-8 text' }
  }
}
