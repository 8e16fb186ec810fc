import { fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of its own that answers requests, one at a time. */
export interface AnsweringProcess<Request, Answer> {
  readonly ask: (request: Request) => Promise<Answer>
  /** Lets it end. A second call does nothing. */
  readonly close: () => Promise<void>
}

/**
 * Starts a file of ours, which answers each message with one and ends when it is disconnected.
 *
 * @param what - What it is called when it ends early.
 */
export function startProcess<Request extends object, Answer>(
  file: URL,
  what: string,
): AnsweringProcess<Request, Answer> {
  const child = fork(file, { execArgv: [] })
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        const onExit = (code: number | null) => reject(new Error(`${what} ended early (exit ${code}).`))
        child.once('exit', onExit)
        child.once('message', (answer: Answer) => {
          child.off('exit', onExit)
          resolve(answer)
        })
        child.send(request)
      })
    },
    async close() {
      if (!child.connected) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
