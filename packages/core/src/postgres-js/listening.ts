import postgres from 'postgres'
import type { PreludeFactory } from '../pg/prelude.ts'
import type { Tenancy } from '../tenancy.ts'
import { inCallersContext, outsideOfRequests } from '../pg/caller-context.ts'
import { DriverSocket } from './driver-socket.ts'
import type { ParsedOptions } from './pending-query.ts'
import { transportsOf } from './transport.ts'

const LISTEN = /^(?:un)?listen "(?:[^"]|"")*"$/

/**
 * The connection on which `sql.listen` hears notifications. It is nobody's: it may say LISTEN and UNLISTEN, and nothing
 * else. Channels know no tenants, and whoever listens hears what any tenant says.
 */
export class Listening {
  readonly #client: postgres.Sql

  constructor(tenancy: Tenancy, parsed: ParsedOptions, preludes: PreludeFactory) {
    const transports = transportsOf(parsed)
    const home = { preludes, prepare: false, allows: (text: string) => LISTEN.test(text) }
    const socket = (): DriverSocket =>
      outsideOfRequests(tenancy, () => new DriverSocket(transports(), home, () => true))
    this.#client = postgres({ ...parsed, ssl: false, socket } as unknown as postgres.Options<
      Record<string, never>
    >)
  }

  /** @param listener called in the context of this moment */
  listen(
    channel: string,
    listener: (payload: string) => void,
    listening?: () => void,
  ): postgres.ListenRequest {
    return this.#client.listen(channel, inCallersContext(listener), listening && inCallersContext(listening))
  }

  end(options: { timeout?: number }): Promise<void> {
    return this.#client.end(options)
  }
}
