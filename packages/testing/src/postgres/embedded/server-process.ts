import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { settingsArguments, unavailable } from '../provider.ts'
import type { ServerSettings } from '../provider.ts'
import type { ServerBinaries } from './binaries.ts'
import { serverScript } from './server-script.ts'
import type { SystemUser } from './unprivileged-user.ts'

/** Milliseconds for initdb and the start together. A second or two is usual; a loaded CI machine takes longer. */
const START_TIMEOUT = 120_000

/** Milliseconds between two looks at the log of a starting server. */
const LOG_INTERVAL = 20

/** Milliseconds each way of shutting down gets before the next, harder one. */
const SHUTDOWN_TIMEOUT = 10_000

/** What a server process is started with. */
export interface ServerProcessOptions {
  /** An empty directory, owned by `user`, with a file `password`. Removed by the watcher if this process dies. */
  readonly directory: string
  readonly binaries: ServerBinaries
  readonly user: SystemUser | undefined
  readonly settings: ServerSettings
}

/** A running `postgres`, tied to the life of this process. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('exit', resolve))
  }

  /**
   * Makes the data directory, starts the server and returns when it accepts connections.
   *
   * @throws {TenantryError} `POSTGRES_UNAVAILABLE` with the last lines of the log.
   */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const logFile = path.join(options.directory, 'server.log')
    const log = await open(logFile, 'w')
    let server: ServerProcess
    try {
      server = new ServerProcess(await spawnServer(options, log.fd))
    } finally {
      await log.close()
    }
    try {
      await server.#ready(logFile)
    } catch (error) {
      await server.stop()
      throw error
    }
    server.#unref()
    return server
  }

  /** Ends the server and returns when its process is gone: first disconnecting every client, then less politely. */
  async stop(): Promise<void> {
    this.#child.ref()
    // https://www.postgresql.org/docs/current/server-shutdown.html: fast, immediate, and the last resort
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      if (!this.#running) break
      this.#child.kill(signal)
      const given = new AbortController()
      await Promise.race([this.#exited, delay(SHUTDOWN_TIMEOUT, undefined, { signal: given.signal })])
      given.abort()
    }
    this.#pipe.end('finished\n')
  }

  get #running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get #pipe(): Socket {
    return this.#child.stdio[3] as Socket
  }

  async #ready(logFile: string): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT
    for (;;) {
      const running = this.#running
      const log = await readFile(logFile, 'utf8')
      if (log.includes('database system is ready to accept connections')) return
      if (!running)
        throw unavailable(`the server ended while starting; the end of its log:\n${lastLines(log)}`)
      if (Date.now() > deadline) {
        const seconds = START_TIMEOUT / 1000
        throw unavailable(
          `the server was not ready after ${seconds} s; the end of its log:\n${lastLines(log)}`,
        )
      }
      await delay(LOG_INTERVAL)
    }
  }

  /** A server that nobody stopped must not keep the process alive: when it ends, the watcher ends the server. */
  #unref(): void {
    this.#child.unref()
    this.#pipe.unref()
  }
}

async function spawnServer(options: ServerProcessOptions, log: number): Promise<ChildProcess> {
  const { directory, binaries, user, settings } = options
  // Letter case as in Unicode, order by code point, and the same on every machine, whatever locales it has.
  const locale =
    binaries.major >= 17 ? '--locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C' : '--locale=C'
  const child = spawn(
    '/bin/sh',
    ['-c', serverScript, 'sh', directory, binaries.directory, locale, ...settingsArguments(settings)],
    {
      ...user,
      cwd: directory,
      env: serverEnvironment(),
      // Out of the terminal's reach: Ctrl-C is for the test runner, which may still need the server to tidy up.
      detached: true,
      // A file, not pipes: the server's log must not depend on a busy Node process reading it.
      stdio: ['ignore', log, log, 'pipe'],
    },
  )
  await once(child, 'spawn')
  // Writing to the watcher after somebody killed it: the server is what matters.
  child.stdio[3]?.on('error', () => {})
  return child
}

/** The process's own environment, less the PG… variables meant for some other server, and with messages in English. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return { ...Object.fromEntries(kept), LC_ALL: 'C' }
}

function lastLines(log: string): string {
  return log.trimEnd().split('\n').slice(-20).join('\n')
}
