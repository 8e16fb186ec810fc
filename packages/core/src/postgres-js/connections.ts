import type { Tenancy } from '../tenancy.ts'
import postgres from 'postgres'
import type { Lease } from '../pg/lease.ts'
import type { PreludeFactory } from '../pg/prelude.ts'
import { outsideOfRequests } from '../pg/caller-context.ts'
import { stopWithConnection } from './cursor.ts'
import { DriverSocket } from './driver-socket.ts'
import { endWithStream } from './copy-streams.ts'
import { Execution } from './execution.ts'
import { Hold } from './hold.ts'
import { asPending, checkDriver, watchExecutions } from './pending-query.ts'
import type { BackendKey, ParsedOptions, PendingQuery, QueryHandler, RawSql } from './pending-query.ts'
import { Permits } from './permits.ts'
import { connectionError } from './refusals.ts'
import type { Session } from './session.ts'
import { transportsOf } from './transport.ts'

// What postgres.js asks for itself: the types of arrays, and which kind of server it talks to.
const OWN_TEXTS =
  /^\s*(?:select b\.oid, b\.typarray\s+from pg_catalog\.pg_type a\s|show transaction_read_only;\s*select pg_catalog\.pg_is_in_recovery\(\)\s*$)/

const keyOf = ({ pid, secret }: BackendKey): string => `${pid}:${secret}`

/** postgres.js is told that it could go on with the same connection only by `undefined` and `true`. */
const alone = (): boolean => false

/**
 * The connections of one role: a client of postgres.js of their own, each of whose sockets has a {@link Session} in
 * front of it.
 */
export class Connections {
  readonly raw: RawSql
  readonly #tenancy: Tenancy
  readonly #unsafe: RawSql['unsafe']
  readonly #handler: QueryHandler
  readonly #canceller: NonNullable<PendingQuery['canceller']>
  readonly #address: string
  readonly #permits: Permits
  readonly #sessions = new Map<string, Session>()
  readonly #sockets = new Set<DriverSocket>()
  /** Takes the query with which the client of postgres.js opens the transaction that a hold is to it. */
  #opening: ((query: PendingQuery) => void) | undefined
  #ending = false

  /** @throws TenantryError `UNSUPPORTED_DRIVER` */
  constructor(tenancy: Tenancy, parsed: ParsedOptions, preludes: PreludeFactory) {
    this.#tenancy = tenancy
    const transports = transportsOf(parsed)
    const home = { preludes, prepare: parsed.prepare, allows: (text: string) => OWN_TEXTS.test(text) }
    const options = {
      ...parsed,
      // The transport does the handshake, underneath the session.
      ssl: false,
      // Without it, its `begin` does not work; that queries never share a connection is seen to here.
      max_pipeline: 100,
      socket: () =>
        outsideOfRequests(tenancy, () => {
          const socket: DriverSocket = new DriverSocket(transports(), home, (pid, secret) => {
            const key = keyOf({ pid, secret })
            if (this.#sessions.has(key)) return false
            this.#sessions.set(key, socket.session)
            socket.once('close', () => this.#sessions.delete(key))
            return true
          })
          this.#sockets.add(socket)
          socket.once('close', () => this.#sockets.delete(socket))
          return socket
        }),
    }
    this.raw = postgres(options as unknown as postgres.Options<Record<string, never>>) as unknown as RawSql
    checkDriver(this.raw)
    const unsafe = this.raw.unsafe.bind(this.raw)
    const { handler, canceller } = asPending(unsafe(''))
    this.#unsafe = unsafe
    this.#handler = handler
    this.#canceller = canceller as NonNullable<typeof canceller>
    this.raw.unsafe = ((...given: Parameters<RawSql['unsafe']>) => {
      const query = unsafe(...given)
      this.#opening?.(asPending(query))
      return query
    }) as RawSql['unsafe']
    this.#address = parsed.path || `${parsed.host[0]}:${parsed.port[0]}`
    this.#permits = new Permits([...Array<unknown>(parsed.max)].length)
  }

  /** A query with this text, not yet sent. */
  unsafe(text: string, values: unknown[], options: object): PendingQuery {
    return asPending(this.#unsafe(text, values, options))
  }

  /** Sends a query on whichever connection is free. */
  async run(query: PendingQuery, lease: Lease): Promise<void> {
    const execution = this.execution(query, lease, false)
    if (this.#ending) {
      query.reject(connectionError('CONNECTION_ENDED', this.#address))
      return
    }
    const giveBack = await this.#permits.take()
    if (execution.refusal !== undefined) {
      giveBack()
      return
    }
    void execution.finished.then(giveBack)
    this.#send(execution, this.#handler)
  }

  /** A query that is to be sent, and can be cancelled from now on. */
  execution(query: PendingQuery, lease: Lease, held: boolean): Execution {
    const execution = new Execution(query, lease, held)
    query.canceller = () =>
      execution.cancel((running) =>
        outsideOfRequests(this.#tenancy, () => this.#canceller(running) as Promise<unknown>),
      )
    return execution
  }

  /**
   * Takes a connection out of the pool. `begin` of postgres.js does it, and not its `reserve`, which forgets who waits
   * when a connection is lost; its BEGIN and COMMIT are answered by the session and never reach the server.
   */
  async hold(lease: Lease): Promise<Hold> {
    if (this.#ending) throw connectionError('CONNECTION_ENDED', this.#address)
    const giveBack = await this.#permits.take()
    return new Promise<Hold>((resolve, reject) => {
      let opening: Execution | undefined
      this.#opening = (query) => {
        opening = new Execution(query, undefined, true)
        this.#watch(opening)
      }
      const begun = outsideOfRequests(this.#tenancy, () =>
        // If the connection is lost this never resolves: postgres.js would end the transaction on the next one.
        this.raw.begin(
          (transaction) =>
            new Promise<void>((resolveTransaction) => {
              const session = opening?.session
              if (session === undefined) return
              session.onceHoldLost(giveBack)
              const { handler } = asPending(transaction.unsafe(''))
              resolve(
                new Hold(lease, session, {
                  address: this.#address,
                  send: (execution) => this.#send(execution, handler),
                  giveBack() {
                    session.endHold(giveBack)
                    resolveTransaction()
                  },
                }),
              )
            }),
        ),
      )
      this.#opening = undefined
      begun.catch((error: Error) => {
        giveBack()
        reject(error)
      })
    })
  }

  /** Ends all connections, after what has been asked of them so far. */
  async end({ timeout = null }: { timeout?: number | null | undefined } = {}): Promise<void> {
    // What has been asked for before is sent a moment later: postgres.js waits for that moment too.
    await Promise.resolve()
    this.#ending = true
    const idle = this.#permits.idle().then(() => true)
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<false>((resolve) => {
      if (timeout !== null) timer = setTimeout(resolve, timeout * 1000, false)
    })
    const rest = await Promise.race([idle, expired])
    clearTimeout(timer)
    await this.raw.end(rest ? {} : { timeout: 0 })
    // A server at work does not hear a farewell.
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends the connections as they become free; the next query opens them again. */
  close(): Promise<void> {
    return this.raw.close()
  }

  #send(execution: Execution, handler: QueryHandler): void {
    execution.query.options.onexecute = alone
    this.#watch(execution)
    outsideOfRequests(this.#tenancy, () => handler(execution.query))
  }

  #watch(execution: Execution): void {
    const { query } = execution
    stopWithConnection(execution)
    endWithStream(execution, this.#address)
    watchExecutions(query, (backend) => this.#sessions.get(keyOf(backend))?.begin(execution))
    const { reject } = query
    query.reject = (error) => {
      reject(error)
      // Refused by postgres.js, or its connection could not be opened.
      if (execution.session === undefined) execution.finish()
    }
  }
}
