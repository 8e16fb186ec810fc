import { Readable, Writable } from 'node:stream'
import type { Execution } from './execution.ts'
import { connectionError } from './refusals.ts'

/**
 * Has the stream of a COPY and its connection end together. Of postgres.js, a stream to the server never hears that the
 * server has refused its rows, and one from it that is destroyed before its end, as when a download breaks off, leaves
 * the connection paused for good.
 */
export function endWithStream(execution: Execution, address: string): void {
  const { query } = execution
  if (query.streaming !== true) return
  const { resolve, reject } = query
  query.resolve = (stream) => {
    if (stream instanceof Readable) {
      stream.once('close', () => {
        if (stream.readableEnded) return
        execution.session?.giveUp(execution, connectionError('CONNECTION_DESTROYED', address))
      })
    } else if (stream instanceof Writable) {
      query.reject = (error) => {
        stream.destroy(error as Error)
        reject(error)
      }
    }
    resolve(stream)
  }
}
