/** One message of the PostgreSQL protocol: its type byte and all its bytes. */
export interface Frame {
  readonly type: string
  readonly bytes: Buffer
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

/** What a client's first bytes are: they have no type byte, and may be a request for encryption. */
export type Startup =
  | { readonly kind: 'encryption' | 'cancel' | 'startup'; readonly bytes: Buffer; readonly rest: Buffer }
  | undefined

/** Reads the message at the start of a connection; `undefined` while it is incomplete. */
export function readStartup(received: Buffer): Startup {
  if (received.length < 8 || received.length < received.readInt32BE(0)) return undefined
  const length = received.readInt32BE(0)
  const code = received.readInt32BE(4)
  const kind =
    code === SSL_REQUEST || code === GSS_REQUEST
      ? 'encryption'
      : code === CANCEL_REQUEST
        ? 'cancel'
        : 'startup'
  return { kind, bytes: received.subarray(0, length), rest: received.subarray(length) }
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Frame[] {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const frames: Frame[] = []
    while (bytes.length >= 5) {
      const length = 1 + bytes.readInt32BE(1)
      if (bytes.length < length) break
      frames.push({ type: String.fromCharCode(bytes[0] as number), bytes: bytes.subarray(0, length) })
      bytes = bytes.subarray(length)
    }
    this.#pending = bytes
    return frames
  }
}

/** A simple query. */
export function queryFrame(text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

/** The columns of a DataRow, as text. */
export function readDataRow({ bytes }: Frame): (string | null)[] {
  const columns: (string | null)[] = []
  let offset = 7
  for (let count = bytes.readInt16BE(5); count > 0; count -= 1) {
    const length = bytes.readInt32BE(offset)
    offset += 4
    columns.push(length < 0 ? null : bytes.toString('utf8', offset, offset + length))
    offset += Math.max(length, 0)
  }
  return columns
}
