/*
 * The frontend messages of a prelude.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const PARSE = 0x50
const BIND = 0x42
const EXECUTE = 0x45

/** Parse: a statement whose parameters' types the server infers. */
export function parseMessage(name: string, text: string): Buffer {
  const body = Buffer.from(`${name}\0${text}\0\0\0`, 'utf8')
  const message = Buffer.alloc(5 + body.length)
  message.writeUInt8(PARSE, 0)
  message.writeUInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}

const EXECUTE_LENGTH = 9

/**
 * Bind of text parameters to a statement, and Execute of the unnamed portal, behind the bytes of `before`: one buffer
 * for what is written at once.
 *
 * @param statement its name, ASCII, `''` for the unnamed one
 */
export function bindAndExecute(before: Buffer, statement: string, values: readonly string[]): Buffer {
  let bindLength = 4 + 1 + statement.length + 1 + 2 + 2 + 2
  for (const value of values) bindLength += 4 + Buffer.byteLength(value, 'utf8')
  const buffer = Buffer.allocUnsafe(before.length + 1 + bindLength + 1 + EXECUTE_LENGTH)
  let offset = before.copy(buffer, 0)
  offset = buffer.writeUInt8(BIND, offset)
  offset = buffer.writeUInt32BE(bindLength, offset)
  offset = buffer.writeUInt8(0, offset)
  offset += buffer.write(statement, offset, 'latin1')
  offset = buffer.writeUInt8(0, offset)
  offset = buffer.writeUInt16BE(0, offset)
  offset = buffer.writeUInt16BE(values.length, offset)
  for (const value of values) {
    const written = buffer.write(value, offset + 4, 'utf8')
    offset = buffer.writeUInt32BE(written, offset) + written
  }
  offset = buffer.writeUInt16BE(0, offset)
  offset = buffer.writeUInt8(EXECUTE, offset)
  offset = buffer.writeUInt32BE(EXECUTE_LENGTH, offset)
  buffer.fill(0, offset)
  return buffer
}
