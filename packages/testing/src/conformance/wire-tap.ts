import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { FrameReader, queryFrame, readDataRow, readStartup } from './wire-frames.ts'
import type { Frame } from './wire-frames.ts'

/** What the server last said about the transaction of a connection: none, open or failed. */
export type TransactionStatus = 'idle' | 'in a transaction' | 'in a failed transaction'

const STATUSES: Record<string, TransactionStatus> = {
  I: 'idle',
  T: 'in a transaction',
  E: 'in a failed transaction',
}

/**
 * Sits on the wire between the subject and the server. Some claims can be verified nowhere else: that nothing was sent
 * at all, and which settings a pooled connection still carries, which no other session can see and which the subject,
 * scoping whatever it is asked, would hide.
 */
export class WireTap {
  readonly #server: Server
  readonly #connections = new Set<TappedConnection>()
  #sentByEnded = 0
  #closed: Promise<void> | undefined

  private constructor(server: Server) {
    this.#server = server
  }

  /**
   * A tap in front of the server of `connectionString`, which must be reachable by TCP and without TLS.
   */
  static async open(connectionString: string): Promise<WireTap> {
    const { hostname, port } = new URL(connectionString)
    const server = createServer()
    const tap = new WireTap(server)
    server.on('connection', (client) => {
      const connection = new TappedConnection(client, connect(Number(port || 5432), hostname), () => {
        tap.#connections.delete(connection)
        tap.#sentByEnded += connection.sent
      })
      tap.#connections.add(connection)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return tap
  }

  /** `connectionString` by way of this tap. */
  route(connectionString: string): string {
    const url = new URL(connectionString)
    url.hostname = '127.0.0.1'
    url.port = String((this.#server.address() as AddressInfo).port)
    // The tap reads along, so it declines TLS, which a client that requires it would not accept.
    url.searchParams.delete('sslmode')
    return url.href
  }

  /** The connections that the subject has not closed. */
  get connections(): readonly TappedConnection[] {
    return [...this.#connections]
  }

  /** How many messages the subject has sent so far, on all connections. */
  get sent(): number {
    return [...this.#connections].reduce((sum, connection) => sum + connection.sent, this.#sentByEnded)
  }

  /** Cuts every connection that is still open. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()))
    await this.#closed
  }
}

interface Question {
  readonly rows: (string | null)[][]
  readonly settle: (rows: (string | null)[][] | Error | undefined) => void
}

/** One physical connection of the subject. */
export class TappedConnection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #fromClient = new FrameReader()
  readonly #fromServer = new FrameReader()
  #startup: Buffer | undefined = Buffer.alloc(0)
  /** Replies of ReadyForQuery that the server owes. */
  #outstanding = 0
  /** Whether the client has sent messages after its last Sync. */
  #unsynced = false
  #question: Question | undefined
  /** What the client sends while a question of ours is under way. */
  readonly #held: Buffer[] = []
  #sent = 0
  #status: TransactionStatus | undefined
  #ended = false

  constructor(client: Socket, server: Socket, ended: () => void) {
    this.#client = client
    this.#server = server
    client.setNoDelay(true)
    server.setNoDelay(true)
    client.on('data', (chunk) => this.#receiveFromClient(chunk))
    server.on('data', (chunk) => this.#receiveFromServer(chunk))
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('end', () => other.end())
      // Followed by `close`.
      socket.on('error', () => {})
      socket.on('close', () => {
        other.end()
        this.#ended = true
        this.#question?.settle(undefined)
      })
    }
    // Its own side closes only once it has been told.
    client.on('close', ended)
  }

  /** How many messages the client has sent, its start-up included and its farewell not. */
  get sent(): number {
    return this.#sent
  }

  /** The status that the server gave with its last ReadyForQuery. */
  get status(): TransactionStatus | undefined {
    return this.#status
  }

  /** Whether either side has closed it. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether every message has been answered, or none will be. */
  get quiet(): boolean {
    if (this.#ended) return true
    return (
      this.#status !== undefined && this.#outstanding === 0 && !this.#unsynced && this.#question === undefined
    )
  }

  /**
   * Asks the server something on this very session, unnoticed by the client, whose messages wait until it is answered.
   * The connection must be quiet. `undefined` if it ends over the question.
   */
  async ask(text: string): Promise<(string | null)[][] | undefined> {
    if (!this.quiet) throw new Error('the connection is at work')
    const answer = await new Promise<(string | null)[][] | Error | undefined>((settle) => {
      this.#question = { rows: [], settle }
      this.#server.write(queryFrame(text))
    })
    if (answer instanceof Error) throw answer
    return answer
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #receiveFromClient(chunk: Buffer): void {
    if (this.#startup !== undefined) {
      this.#receiveStartup(Buffer.concat([this.#startup, chunk]))
      return
    }
    // One write for what arrived as one: the tap should cost the subject next to nothing.
    this.#server.cork()
    for (const frame of this.#fromClient.push(chunk)) {
      if (frame.type === 'X') {
        this.#send(frame.bytes)
        continue
      }
      this.#sent += 1
      // Query, Sync and FunctionCall are each answered by one ReadyForQuery. A password has its own answer.
      if (frame.type === 'Q' || frame.type === 'S' || frame.type === 'F') {
        this.#outstanding += 1
        this.#unsynced = false
      } else if (frame.type !== 'p') {
        this.#unsynced = true
      }
      this.#send(frame.bytes)
    }
    this.#server.uncork()
  }

  #receiveStartup(received: Buffer): void {
    const startup = readStartup(received)
    if (startup === undefined) {
      this.#startup = received
      return
    }
    if (startup.kind === 'encryption') {
      this.#client.write('N')
      this.#startup = Buffer.alloc(0)
    } else {
      this.#startup = undefined
      this.#server.write(startup.bytes)
      this.#sent += 1
      if (startup.kind === 'startup') this.#outstanding = 1
    }
    if (startup.rest.length > 0) this.#receiveFromClient(startup.rest)
  }

  #send(bytes: Buffer): void {
    if (this.#question === undefined) this.#server.write(bytes)
    else this.#held.push(bytes)
  }

  #receiveFromServer(chunk: Buffer): void {
    this.#client.cork()
    for (const frame of this.#fromServer.push(chunk)) {
      if (this.#question === undefined) {
        if (frame.type === 'Z') {
          this.#outstanding -= 1
          this.#status = STATUSES[String.fromCharCode(frame.bytes[5] as number)]
        }
        this.#client.write(frame.bytes)
      } else {
        this.#receiveAnswer(this.#question, frame)
      }
    }
    this.#client.uncork()
  }

  #receiveAnswer(question: Question, frame: Frame): void {
    if (frame.type === 'D') question.rows.push(readDataRow(frame))
    if (frame.type === 'E') question.settle(new Error(frame.bytes.toString('utf8', 5)))
    if (frame.type !== 'Z') return
    this.#question = undefined
    question.settle(question.rows)
    for (const bytes of this.#held.splice(0)) this.#server.write(bytes)
  }
}
