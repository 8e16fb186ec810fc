import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { message, MessageReader } from './message-reader.ts'
import type { Message } from './message-reader.ts'

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

/** With what pg does not document. */
type PlainClient = pg.Client & { readonly connection: { readonly stream: Socket } }

type Listener = (chunk: Buffer) => void

/** A connection to the server, which a plain client has opened and which then goes from hand to hand. */
class ServerConnection {
  readonly #client: PlainClient
  readonly #reader = new MessageReader()
  /** What pg itself does with what comes in. */
  readonly #ofPg: Listener
  receive: (message: Message) => void = () => {}

  private constructor(client: pg.Client) {
    this.#client = client as PlainClient
    this.#ofPg = this.#stream.listeners('data')[0] as Listener
    this.#stream.off('data', this.#ofPg).on('data', this.#own)
  }

  static async open(connectionString: string): Promise<ServerConnection> {
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    return new ServerConnection(client)
  }

  get #stream(): Socket {
    return this.#client.connection.stream
  }

  readonly #own: Listener = (chunk) => {
    for (const each of this.#reader.read(chunk)) this.receive(each)
  }

  send(bytes: Buffer): void {
    this.#stream.write(bytes)
  }

  /** Asks the session itself, past the pooler's clients. Only while nobody has it. */
  async ask(text: string): Promise<unknown[]> {
    this.#stream.off('data', this.#own).on('data', this.#ofPg)
    const { rows } = await this.#client.query(text)
    this.#stream.off('data', this.#ofPg).on('data', this.#own)
    return rows
  }

  destroy(): void {
    this.#stream.destroy()
  }
}

/** A client of the pooler. */
class PoolerClient {
  readonly #pooler: TransactionPooler
  readonly #socket: Socket
  readonly #reader = new MessageReader()
  #startup: Buffer | undefined = Buffer.alloc(0)
  #server: ServerConnection | undefined
  /** What it sent while it had no server connection. */
  readonly #held: Buffer[] = []
  #waits = false
  /** The answers that the server owes it, each ending in ReadyForQuery. */
  #owed = 0
  /** It has sent a part of a group whose Sync is to come. */
  #unsynced = false

  constructor(pooler: TransactionPooler, socket: Socket) {
    this.#pooler = pooler
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#leave())
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#startup !== undefined) this.#receiveStartup(Buffer.concat([this.#startup, chunk]))
    else for (const each of this.#reader.read(chunk)) this.#receiveMessage(each)
  }

  // The first message has no type. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
  #receiveStartup(received: Buffer): void {
    this.#startup = received
    if (received.length < 8 || received.length < received.readInt32BE(0)) return
    const code = received.readInt32BE(4)
    const rest = received.subarray(received.readInt32BE(0))
    if (code === SSL_REQUEST || code === GSS_REQUEST) {
      this.#startup = Buffer.alloc(0)
      this.#socket.write('N')
    } else if (code === CANCEL_REQUEST) {
      this.#socket.destroy()
      return
    } else {
      this.#startup = undefined
      this.#socket.write(
        Buffer.concat([
          message('R', Buffer.alloc(4)),
          message('S', Buffer.from('client_encoding\0UTF8\0')),
          message('S', Buffer.from('standard_conforming_strings\0on\0')),
          message('K', Buffer.alloc(8)),
          message('Z', Buffer.from('I')),
        ]),
      )
    }
    if (rest.length > 0) this.#receive(rest)
  }

  #receiveMessage({ type, bytes }: Message): void {
    if (type === 'X') {
      this.#socket.end()
      return
    }
    if (type === 'Q' || type === 'S') {
      this.#owed += 1
      this.#unsynced = false
    } else if ('PBDEC'.includes(type)) {
      this.#unsynced = true
    }
    if (this.#server !== undefined) {
      this.#server.send(bytes)
      return
    }
    this.#held.push(bytes)
    if (this.#waits) return
    this.#waits = true
    this.#pooler.take((server) => this.#use(server))
  }

  #use(server: ServerConnection): void {
    this.#waits = false
    if (this.#socket.destroyed) {
      this.#pooler.giveBack(server)
      return
    }
    this.#server = server
    server.receive = ({ type, bytes }) => {
      this.#socket.write(bytes)
      if (type !== 'Z') return
      this.#owed -= 1
      const idle = bytes.toString('latin1', 5) === 'I'
      if (!idle || this.#owed > 0 || this.#unsynced) return
      this.#server = undefined
      this.#pooler.giveBack(server)
    }
    for (const bytes of this.#held.splice(0)) server.send(bytes)
  }

  // It has gone in the middle of something: nobody else may continue that.
  #leave(): void {
    if (this.#server !== undefined) this.#pooler.replace(this.#server)
    this.#server = undefined
  }
}

/**
 * A pooler in transaction mode, like PgBouncer before 1.21: a server connection goes to a client with the client's first
 * message and comes back when the server says that no transaction is open. It knows nothing of prepared statements.
 * Server connections take turns, so that hardly any client gets the same one twice in a row.
 */
export class TransactionPooler {
  readonly #connectionString: string
  readonly #size: number
  readonly #clients = new Set<PoolerClient>()
  readonly #servers = new Set<ServerConnection>()
  readonly #idle: ServerConnection[] = []
  readonly #waiting: ((server: ServerConnection) => void)[] = []
  #port = 0
  /** How often a server connection has changed hands. */
  handovers = 0

  private constructor(connectionString: string, size: number) {
    this.#connectionString = connectionString
    this.#size = size
  }

  /**
   * Opens a pooler for one test.
   *
   * @param connectionString of the one role that all its clients act as
   * @param size how many server connections it has
   */
  static async open(connectionString: string, size: number): Promise<TransactionPooler> {
    const pooler = new TransactionPooler(connectionString, size)
    await Promise.all(Array.from({ length: size }, () => pooler.#openServer()))
    const listener = createServer((socket) => {
      const client = new PoolerClient(pooler, socket)
      pooler.#clients.add(client)
      socket.on('close', () => pooler.#clients.delete(client))
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    pooler.#port = (listener.address() as AddressInfo).port
    onTestFinished(() => {
      listener.close()
      for (const client of pooler.#clients) client.destroy()
      for (const server of pooler.#servers) server.destroy()
    })
    return pooler
  }

  /** The connection string of the pooler. */
  get url(): string {
    const url = new URL(this.#connectionString)
    url.hostname = '127.0.0.1'
    url.port = String(this.#port)
    return url.href
  }

  /** Asks each session of the server something, past all clients, once no client uses one. */
  async ask<Row>(text: string): Promise<Row[][]> {
    while (this.#idle.length < this.#size) await nextTurn()
    return Promise.all([...this.#servers].map((server) => server.ask(text) as Promise<Row[]>))
  }

  take(use: (server: ServerConnection) => void): void {
    const server = this.#idle.shift()
    if (server === undefined) this.#waiting.push(use)
    else this.#hand(server, use)
  }

  giveBack(server: ServerConnection): void {
    server.receive = () => {}
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(server)
    else this.#hand(server, next)
  }

  replace(server: ServerConnection): void {
    server.destroy()
    this.#servers.delete(server)
    void this.#openServer()
  }

  async #openServer(): Promise<void> {
    const server = await ServerConnection.open(this.#connectionString)
    this.#servers.add(server)
    this.giveBack(server)
  }

  #hand(server: ServerConnection, use: (server: ServerConnection) => void): void {
    this.handovers += 1
    use(server)
  }
}
