/*
 * The three frontend messages of a prelude.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const PARSE = 0x50
const BIND = 0x42
const EXECUTE = 0x45

function message(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(5)
  header[0] = type
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, 'utf8')

/** Parse: a statement whose parameters' types the server infers. */
export function parseMessage(name: string, text: string): Buffer {
  return message(PARSE, cstring(name), cstring(text), Buffer.from([0, 0]))
}

/** Bind: text parameters into the unnamed portal, results as text. */
export function bindMessage(statement: string, values: readonly string[]): Buffer {
  const encoded = values.map((value) => Buffer.from(value, 'utf8'))
  const length =
    5 + 1 + statement.length + 1 + 2 + 2 + encoded.reduce((sum, value) => sum + 4 + value.length, 0) + 2
  // Not from the shared slab, which every prelude kept would keep whole.
  const buffer = Buffer.allocUnsafeSlow(length)
  let offset = buffer.writeUInt8(BIND, 0)
  offset = buffer.writeUInt32BE(length - 1, offset)
  offset = buffer.writeUInt8(0, offset)
  offset += buffer.write(statement, offset, 'latin1')
  offset = buffer.writeUInt8(0, offset)
  offset = buffer.writeUInt16BE(0, offset)
  offset = buffer.writeUInt16BE(encoded.length, offset)
  for (const value of encoded) {
    offset = buffer.writeUInt32BE(value.length, offset)
    offset += value.copy(buffer, offset)
  }
  buffer.writeUInt16BE(0, offset)
  return buffer
}

/** Execute: the unnamed portal, all rows. */
export const executeMessage: Buffer = message(EXECUTE, cstring(''), Buffer.alloc(4))
