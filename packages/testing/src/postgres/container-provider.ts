import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { fastSettings, reasonOf, settingsArguments, unavailable } from './provider.ts'
import type { ProvidedServer, ServerRequest } from './provider.ts'
import { requireFromHere } from './require-from-here.ts'

/** Milliseconds a Docker engine has to answer. An unreachable remote DOCKER_HOST would otherwise hold up the run. */
const ENGINE_TIMEOUT = 10_000

/**
 * A server in a Docker container, through the optional package `@testcontainers/postgresql`, which also finds the
 * engine (DOCKER_HOST, Docker contexts, rootless sockets) and removes the container should this process die.
 */
export async function startContainer(request: ServerRequest): Promise<ProvidedServer> {
  const { PostgreSqlContainer } = await loadTestcontainers()
  try {
    const container = await new PostgreSqlContainer(request.image)
      .withDatabase('postgres')
      .withUsername('postgres')
      .withPassword(randomBytes(16).toString('hex'))
      // The image's own default sorts by en_US, the embedded server by code point: a suite gets one order.
      .withEnvironment({ POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C.UTF-8' })
      .withCommand(['postgres', ...settingsArguments({ ...fastSettings, ...request.settings })])
      .start()
    return {
      url: container.getConnectionUri(),
      stop: async () => void (await container.stop()),
    }
  } catch (error) {
    throw unavailable(
      `Docker answers, but the image ${request.image} did not start: ${reasonOf(error)}`,
      error,
    )
  }
}

async function loadTestcontainers(): Promise<typeof import('@testcontainers/postgresql')> {
  let postgresql: typeof import('@testcontainers/postgresql')
  let engine: Promise<unknown>
  try {
    postgresql = await import('@testcontainers/postgresql')
    // The very copy that @testcontainers/postgresql uses, which strict package managers hide from this package.
    const requireFromThere = createRequire(requireFromHere.resolve('@testcontainers/postgresql'))
    engine = (requireFromThere('testcontainers') as Testcontainers).getContainerRuntimeClient()
  } catch (error) {
    throw unavailable(
      isMissing(error, '@testcontainers/postgresql')
        ? '@testcontainers/postgresql is not installed: npm install --save-dev @testcontainers/postgresql'
        : `@testcontainers/postgresql cannot be loaded on Node ${process.version}: ${reasonOf(error)}`,
      error,
    )
  }
  await answerOf(engine)
  return postgresql
}

/** The part of `testcontainers` that is used here. https://node.testcontainers.org/features/advanced/ */
interface Testcontainers {
  getContainerRuntimeClient(): Promise<unknown>
}

async function answerOf(engine: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(unavailable(`the Docker engine did not answer within ${ENGINE_TIMEOUT / 1000} seconds`))
    }, ENGINE_TIMEOUT)
  })
  const failure = engine.catch((error: unknown) => {
    const host = process.env['DOCKER_HOST']
    const where = host === undefined ? 'on this machine' : `at DOCKER_HOST ${host}`
    throw unavailable(`no Docker engine answers ${where} (${reasonOf(error)})`, error)
  })
  try {
    await Promise.race([failure, silence])
  } finally {
    clearTimeout(timer)
  }
}

/** Whether `name` itself is what could not be found, rather than something that it imports. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`)
}
