import { readdir, stat } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import { unprivilegedUser } from '../../src/postgres/embedded/unprivileged-user.ts'
import { queryAs } from '../../src/postgres/query-as.ts'
import { startPostgres } from '../../src/postgres/start-postgres.ts'
import { expectGone } from './expect-gone.ts'
import { refusal } from './refusal.ts'
import { runProgram } from './run-program.ts'
import { isRunning, serverFacts } from './server-facts.ts'
import type { ServerFacts } from './server-facts.ts'
import { useTemporaryDirectory } from './temporary-directory.ts'

const temporary = useTemporaryDirectory()

describe('startPostgres with the embedded server', () => {
  it('stops without leaving a process or a file', async () => {
    const server = await startPostgres({ provider: 'embedded' })
    const facts = await serverFacts(server.url)
    expect(server.provider).toBe('embedded')
    expect(isRunning(facts.pid)).toBe(true)
    expect(facts.dataDirectory.startsWith(temporary.path)).toBe(true)
    // Under another user for root, and as oneself for everybody else.
    const { uid } = await stat(facts.dataDirectory)
    expect(uid).not.toBe(0)
    expect(uid).toBe((await unprivilegedUser())?.uid ?? process.geteuid?.())

    await Promise.all([server.stop(), server.stop()])
    expect(isRunning(facts.pid)).toBe(false)
    expect(await readdir(temporary.path)).toEqual([])
    await expect(queryAs(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  })

  it('takes settings, and nothing that is meant for another server', async () => {
    vi.stubEnv('PGPORT', '1')
    vi.stubEnv('PGDATA', '/nonexistent')
    vi.stubEnv('LC_ALL', 'xx_YY.nonsense')
    const server = await startPostgres({
      provider: 'embedded',
      settings: { work_mem: '7MB', max_connections: 42 },
    })
    try {
      const [row] = await queryAs(
        server.url,
        `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
                current_setting('work_mem') as work_mem, current_setting('max_connections') as max_connections,
                current_setting('server_encoding') as encoding, lower('ÄÖ') as lower`,
      )
      expect(row).toEqual({
        addresses: '127.0.0.1',
        sockets: '',
        work_mem: '7MB',
        max_connections: '42',
        encoding: 'UTF8',
        lower: 'äö',
      })
      const stranger = new URL(server.url)
      stranger.password = 'guess'
      await expect(queryAs(stranger.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    } finally {
      await server.stop()
    }
  })

  it('gives each of several servers a port of its own', async () => {
    const servers = await Promise.all([1, 2].map(() => startPostgres({ provider: 'embedded' })))
    const ports = new Set(servers.map(({ url }) => new URL(url).port))
    await Promise.all(servers.map((server) => server.stop()))
    expect(ports.size).toBe(2)
  })

  it('shows the end of the log of a server that does not start, and leaves nothing', async () => {
    const error = await refusal(startPostgres({ provider: 'embedded', settings: { no_such_setting: 1 } }))
    expect(error.code).toBe('POSTGRES_UNAVAILABLE')
    expect(error.message).toContain('unrecognized configuration parameter "no_such_setting"')
    expect(await readdir(temporary.path)).toEqual([])
  })

  it('starts for an ordinary user', async ({ skip }) => {
    const user = await unprivilegedUser()
    if (user === undefined) skip('not root: every other test runs as an ordinary user')
    const program = runProgram('start-server', { ...user, values: ['stop'], env: { HOME: temporary.path } })
    const { code, errors, output } = await program.ended
    if (errors.includes('EACCES')) skip(`uid ${user?.uid} may not read this repository`)
    expect(errors).toBe('')
    expect(code).toBe(0)
    await expectGone(JSON.parse(output) as ServerFacts)
  })
})
