import { once } from 'node:events'
import { connect as connectSocket, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectSecurely } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import type { ParsedOptions } from './pending-query.ts'

/** Where a connection goes, and how it gets there. */
export interface Transport {
  readonly host: string
  readonly port: number
  /** The connection, ready for the first message of the protocol. Given up when `signal` says so. */
  connect(signal: AbortSignal): Promise<Duplex>
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-SSLREQUEST
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const YES = 0x53

/**
 * Makes one transport after the other, for the options that postgres.js has parsed: with several hosts each for the
 * next one, as postgres.js itself does.
 */
export function transportsOf(options: ParsedOptions): () => Transport {
  let connections = 0
  return () => {
    const index = connections % options.host.length
    connections += 1
    const host = options.host[index] ?? 'localhost'
    const port = options.port[index] ?? 5432
    return {
      host,
      port,
      connect: async (signal) => secured(options, host, await plain(options, host, port, signal)),
    }
  }
}

async function plain(
  options: ParsedOptions,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  if (typeof options.socket === 'function') {
    return (await (options.socket as (options: ParsedOptions) => unknown)(options)) as Duplex
  }
  const socket = connectSocket(
    options.path ? { path: options.path, signal } : { host, port, noDelay: true, signal },
  )
  // Whoever waits for it hears of it; what comes when nobody does must not end the process.
  socket.on('error', () => {})
  await happens(socket, 'connect')
  return socket
}

async function secured(options: ParsedOptions, host: string, socket: Duplex): Promise<Duplex> {
  const { ssl } = options
  if (!ssl) return socket
  const direct = options.sslnegotiation === 'direct'
  try {
    if (!direct && !(await acceptsTls(socket))) {
      if (ssl === 'prefer') return socket
      throw new Error(`The server at ${host} does not accept TLS, which the option ssl asks for.`)
    }
    const secure = connectSecurely({
      ...tlsOptions(ssl),
      ...(direct && { ALPNProtocols: ['postgresql'] }),
      socket,
      ...(isIP(host) === 0 && !('servername' in tlsOptions(ssl)) && { servername: host }),
    })
    await happens(secure, 'secureConnect')
    return secure
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** What postgres.js makes of its option `ssl`. */
function tlsOptions(ssl: unknown): ConnectionOptions {
  if (ssl === 'require' || ssl === 'allow' || ssl === 'prefer') return { rejectUnauthorized: false }
  return typeof ssl === 'object' && ssl !== null ? ssl : {}
}

async function acceptsTls(socket: Duplex): Promise<boolean> {
  socket.write(SSL_REQUEST)
  const answer = (await happens(socket, 'data')) as Buffer
  socket.pause()
  // Anything more has been slipped in by somebody who cannot speak TLS.
  // https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
  if (answer.length !== 1) throw new Error('The server sent more than its answer before the TLS handshake.')
  return answer[0] === YES
}

/** Waits for an event; fails if the stream does, or ends first. */
async function happens(stream: Duplex, event: string): Promise<unknown> {
  const abort = new AbortController()
  const closed = (): void => abort.abort()
  stream.once('close', closed)
  try {
    const [value] = (await once(stream, event, { signal: abort.signal })) as unknown[]
    return value
  } catch (error) {
    if (!abort.signal.aborted) throw error
    throw Object.assign(new Error('The connection was closed before it was ready.'), {
      code: 'CONNECTION_CLOSED',
    })
  } finally {
    stream.off('close', closed)
  }
}
