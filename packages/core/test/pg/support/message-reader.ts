/** One message of the protocol: its type's letter and all its bytes. */
export interface Message {
  readonly type: string
  readonly bytes: Buffer
}

/** Cuts a stream of bytes into messages. https://www.postgresql.org/docs/current/protocol-overview.html */
export class MessageReader {
  #pending: Buffer = Buffer.alloc(0)

  read(chunk: Buffer): Message[] {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const messages: Message[] = []
    while (bytes.length >= 5) {
      const length = 1 + bytes.readInt32BE(1)
      if (bytes.length < length) break
      messages.push({ type: String.fromCharCode(bytes[0] ?? 0), bytes: bytes.subarray(0, length) })
      bytes = bytes.subarray(length)
    }
    this.#pending = bytes
    return messages
  }
}

/** A message to send. */
export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
