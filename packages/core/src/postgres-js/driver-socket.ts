import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Session } from './session.ts'
import type { SessionHome } from './session-parts.ts'
import { connectionError } from './refusals.ts'
import type { Transport } from './transport.ts'

type Written = (error?: Error | null) => void

/**
 * What postgres.js takes for its socket: a session in front of the real one, which connects by itself, with TLS. Has as
 * much of a `net.Socket` as postgres.js uses.
 */
export class DriverSocket extends EventEmitter {
  readonly session: Session
  readonly host: string
  readonly port: number
  readonly #connecting = new AbortController()
  #transport: Duplex | undefined
  #unsent: Buffer[] = []
  #keepAlive: [boolean, number] | undefined
  #closed = false
  #failure: Error | undefined

  constructor(transport: Transport, home: SessionHome, known: (pid: number, secret: number) => boolean) {
    super()
    this.host = transport.host
    this.port = transport.port
    this.session = new Session(
      {
        toServer: (bytes) => this.#send(bytes),
        toDriver: (bytes) => this.emit('data', bytes),
        destroy: (error) => this.#fail(error),
        known,
      },
      home,
    )
    transport.connect(this.#connecting.signal).then(
      (connected) => this.#connected(connected),
      (error: Error) => this.#fail(error),
    )
  }

  get readyState(): 'open' | 'closed' {
    return this.#closed ? 'closed' : 'open'
  }

  // Always true, and no 'drain': on that, postgres.js would lend a connection that somebody holds.
  write(chunk: Buffer, written?: Written): boolean {
    this.session.fromDriver(chunk)
    if (written !== undefined) {
      if (this.#transport === undefined || this.#closed) process.nextTick(written)
      else this.#transport.write('', () => written())
    }
    return true
  }

  end(farewell: Buffer): void {
    if (this.#transport === undefined) this.destroy()
    else this.#transport.end(farewell)
  }

  destroy(): void {
    if (this.#transport !== undefined) {
      this.#transport.destroy()
      return
    }
    this.#connecting.abort()
    process.nextTick(() => this.#close())
  }

  pause(): void {
    this.#transport?.pause()
  }

  resume(): void {
    this.#transport?.resume()
  }

  setKeepAlive(enable: boolean, delay: number): void {
    this.#keepAlive = [enable, delay]
    // A socket of the caller's own making may not have it.
    const transport = this.#transport as Partial<Pick<Socket, 'setKeepAlive'>> | undefined
    transport?.setKeepAlive?.(enable, delay)
  }

  #connected(transport: Duplex): void {
    transport.on('error', (error) => this.#fail(error))
    if (this.#closed) {
      transport.destroy()
      return
    }
    transport.on('data', (chunk: Buffer) => this.session.fromServer(chunk))
    transport.on('close', () => this.#close())
    transport.resume()
    this.#transport = transport
    if (this.#keepAlive !== undefined) this.setKeepAlive(...this.#keepAlive)
    const unsent = this.#unsent
    this.#unsent = []
    if (unsent.length > 0) transport.write(Buffer.concat(unsent))
  }

  #send(bytes: Buffer): void {
    if (this.#transport === undefined) this.#unsent.push(bytes)
    else if (this.#transport.writable) this.#transport.write(bytes)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#transport?.destroy()
    this.#close()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    // Later, for the driver may not listen yet.
    if (this.session.isStarting) setImmediate(() => this.#tell())
    else this.#tell()
  }

  #tell(): void {
    const failure = this.#failure
    if (failure !== undefined && this.session.isStarting) this.emit('error', failure)
    const address = `${this.host}:${this.port}`
    this.session.close(failure ?? connectionError('CONNECTION_CLOSED', address), () =>
      this.emit('close', failure !== undefined),
    )
  }
}
