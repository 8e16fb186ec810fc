/*
 * The messages of the protocol, as far as a session has to read or write them.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** What begins a message that a client sends. */
export const CLIENT = {
  bind: 0x42,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  parse: 0x50,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const

/** What begins a message that a server sends. */
export const SERVER = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  dataRow: 0x44,
  error: 0x45,
  notice: 0x4e,
  notification: 0x41,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const

const HEADER = 5

/** The server's word for where a session stands: idle, in a transaction, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** The messages of a chunk that holds nothing but whole ones. */
export function messagesOf(chunk: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let start = 0; start + HEADER <= chunk.length;) {
    const end = start + 1 + chunk.readUInt32BE(start + 1)
    messages.push(chunk.subarray(start, end))
    start = end
  }
  return messages
}

/** Puts the server's messages together again, however the network has cut them. */
export class MessageReader {
  #chunks: Buffer[] = []
  #length = 0
  #needed = HEADER

  /** The messages that are whole now. */
  read(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return []
    const buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const messages: Buffer[] = []
    let start = 0
    this.#needed = HEADER
    while (start + HEADER <= buffer.length) {
      const end = start + 1 + buffer.readUInt32BE(start + 1)
      if (end > buffer.length) {
        this.#needed = end - start
        break
      }
      messages.push(buffer.subarray(start, end))
      start = end
    }
    this.#chunks = start === buffer.length ? [] : [buffer.subarray(start)]
    this.#length = buffer.length - start
    return messages
  }
}

/** A text that ends with a NUL byte. */
export function textAt(message: Buffer, start: number): string {
  return message.toString('utf8', start, endOfText(message, start))
}

function endOfText(message: Buffer, start: number): number {
  const end = message.indexOf(0, start)
  return end === -1 ? message.length : end
}

/** The name and the SQL text of a Parse. */
export function readParse(message: Buffer): { readonly name: string; readonly text: string } {
  const name = textAt(message, HEADER)
  return { name, text: textAt(message, endOfText(message, HEADER) + 1) }
}

/** The name of the statement that a Bind is for. */
export function statementOfBind(message: Buffer): string {
  return textAt(message, endOfText(message, HEADER) + 1)
}

/** The SQL text of a simple query. */
export function readQuery(message: Buffer): string {
  return textAt(message, HEADER)
}

/** The columns of a row, all of which must be in text format. */
export function readRow(message: Buffer): (string | null)[] {
  const row: (string | null)[] = []
  let offset = HEADER + 2
  for (let column = message.readUInt16BE(HEADER); column > 0; column -= 1) {
    const length = message.readInt32BE(offset)
    offset += 4
    row.push(length === -1 ? null : message.toString('utf8', offset, offset + length))
    offset += Math.max(0, length)
  }
  return row
}

function messageOf(type: number, body: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(HEADER + body.length)
  whole.writeUInt8(type, 0)
  whole.writeUInt32BE(4 + body.length, 1)
  body.copy(whole, HEADER)
  return whole
}

/** A simple query. */
export function queryMessage(text: string): Buffer {
  return messageOf(CLIENT.query, Buffer.from(`${text}\0`, 'utf8'))
}

/** The server's word that it has finished, as if it came from the server itself. */
export function commandComplete(tag: string): Buffer {
  return messageOf(SERVER.commandComplete, Buffer.from(`${tag}\0`, 'latin1'))
}

/** The server's word that it waits, with the status given. */
export function readyForQuery(status: TransactionStatus): Buffer {
  return messageOf(SERVER.readyForQuery, Buffer.from(status, 'latin1'))
}

/** The key that cancels a session's statement. */
export function backendKeyData(pid: number, secret: number): Buffer {
  const body = Buffer.allocUnsafe(8)
  body.writeUInt32BE(pid, 0)
  body.writeUInt32BE(secret, 4)
  return messageOf(SERVER.backendKeyData, body)
}

type Fields = readonly (readonly [letter: string, value: string])[]

function errorOf(fields: Fields): Buffer {
  const text = fields.map(([letter, value]) => `${letter}${value.replaceAll('\0', ' ')}\0`).join('')
  return messageOf(SERVER.error, Buffer.from(`${text}\0`, 'utf8'))
}

/** An error, as if it came from the server. */
export function errorMessage(code: string, text: string): Buffer {
  return errorOf([
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', code],
    ['M', text],
  ])
}

/** An error whose position counts from the beginning of the caller's text, not of the prelude before it. */
export function shiftPosition(error: Buffer, characters: number): Buffer {
  return errorOf(
    fieldsOf(error).map(([letter, value]) => [
      letter,
      letter === 'P' ? String(Number(value) - characters) : value,
    ]),
  )
}

/** An error with a hint in the place of the server's own. */
export function withHint(error: Buffer, hint: string): Buffer {
  return errorOf([...fieldsOf(error).filter(([letter]) => letter !== 'H'), ['H', hint]])
}

/** The SQLSTATE of an error. */
export function errorCode(error: Buffer): string | undefined {
  return fieldsOf(error).find(([letter]) => letter === 'C')?.[1]
}

function fieldsOf(error: Buffer): [letter: string, value: string][] {
  const fields: [string, string][] = []
  for (let offset = HEADER; error[offset] !== 0 && offset < error.length;) {
    fields.push([String.fromCharCode(error[offset] ?? 0), textAt(error, offset + 1)])
    offset = endOfText(error, offset + 1) + 1
  }
  return fields
}

/** A text as a literal of SQL, whatever `standard_conforming_strings` says. */
export function escapeLiteral(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return value.includes('\\') ? ` E${quoted}` : quoted
}
