import type { WireConnection } from './pg-internals.ts'

/**
 * Lets go of whoever waits for the next ReadyForQuery of a connection that is gone, as `close()` of pg-cursor does: it
 * would wait for ever, and whatever holds the client with it (Kysely's `stream()`, whose consumer never hears of the error).
 */
export function releaseWaitersAtEnd(connection: WireConnection): void {
  connection.once('end', () => {
    // pg's own listener is not a `once`; it stays, for a query of its own has been told already.
    for (const listener of connection.rawListeners('readyForQuery')) {
      if ('listener' in listener) setImmediate(() => void Reflect.apply(listener, connection, []))
    }
    connection.on('newListener', (event: string | symbol, listener: () => void) => {
      if (event === 'readyForQuery') setImmediate(listener)
    })
  })
}
