import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { task, toLines, twoCompanies } from './records.ts'

const run = promisify(execFile)
/** Milliseconds for a demo that starts a server or loads a large file; a busy machine takes its time. */
const timeout = 120_000
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Where a demo keeps its server's files; named in the arguments of all its processes. */
let folder: string
let started: ChildProcess[]

beforeEach(async () => {
  // In /tmp, because the server cannot have a user of its own everywhere below $TMPDIR.
  folder = await mkdtemp(join(tmpdir(), 'tenantry-quickstart-'))
  await chmod(folder, 0o755)
  started = []
})
afterEach(async () => {
  for (const demo of started) demo.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

interface Demo {
  child: ChildProcess
  finished: Promise<{ code: number | null; output: string; errors: string }>
}

/** Runs the demo on the server of the test run, or on one that it starts itself. */
function startDemo(
  parameters: string[],
  { ownServer = false, environment = {} }: { ownServer?: boolean; environment?: NodeJS.ProcessEnv } = {},
): Demo {
  const child = spawn(process.execPath, ['--conditions=@tenantry/source', main, ...parameters], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      INIT_CWD: folder,
      NODE_OPTIONS: '',
      TMPDIR: folder,
      TENANTRY_TEST_POSTGRES: '',
      TENANTRY_TEST_DATABASE_URL: ownServer ? '' : inject('postgresUrl'),
      ...environment,
    },
  })
  started.push(child)
  const finished = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([output, errors]) => ({ code: child.exitCode, output, errors }),
  )
  return { child, finished }
}

/** No process that has the folder in its arguments, and nothing in it but what the test put there. */
async function expectNothingLeft(ownFiles: string[] = []): Promise<void> {
  const processes = async () => (await run('ps', ['-A', '-o', 'args'])).stdout.split('\n')
  await expect
    .poll(async () => (await processes()).filter((process) => process.includes(folder)), { timeout })
    .toEqual([])
  expect(await readdir(folder)).toEqual(ownFiles)
}

async function writeData(records: (Record<string, unknown> | string)[]): Promise<void> {
  await writeFile(join(folder, 'my.jsonl'), toLines(records))
}

describe('with a server of its own', { timeout }, () => {
  it('shows that everything holds, and leaves nothing behind', async () => {
    const { code, output, errors } = await startDemo([], { ownServer: true }).finished

    expect(errors).toBe('')
    expect(output).toContain('Loaded 320 tenants, 4,829 users, 1,337 projects, 29,344 tasks')
    expect(output).toContain('\nAll 19 statements hold.\n')
    expect(code).toBe(0)
    await expectNothingLeft()
  })

  it('keeps it up with --keep until Ctrl-C', async () => {
    const { child, finished } = startDemo(['--keep'], { ownServer: true })
    const connectionString = await new Promise<string>((resolve) => {
      let output = ''
      child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        const hint = /psql "(.*)"[^]*-- 0\n[^]*-- [1-9]/.exec(output)
        if (hint) resolve(hint[1]!)
      })
    })
    const client = new pg.Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    const { rows } = await client.query(
      'SELECT current_user, (SELECT count(*)::int FROM projects) AS projects',
    )
    expect(rows).toEqual([{ current_user: 'tenantry_app', projects: 0 }])
    await client.end()

    child.kill('SIGINT')
    const { code, errors } = await finished
    expect(errors).toBe('')
    expect(code).toBe(0)
    await expectNothingLeft()
  })

  it('stops it when interrupted while it starts', async () => {
    const { child, finished } = startDemo([], { ownServer: true })
    await expect.poll(() => readdir(folder), { timeout, interval: 10 }).not.toEqual([])
    child.kill('SIGINT')

    const { code, errors } = await finished
    expect(errors).toBe('Interrupted.\n')
    expect(code).toBe(130)
    await expectNothingLeft()
  })

  it('stops it when interrupted while it reads', async () => {
    // A file that never ends: a pipe that is written to for as long as somebody reads it.
    await run('mkfifo', [join(folder, 'my.jsonl')])
    const { child, finished } = startDemo(['--data', 'my.jsonl'], { ownServer: true })
    const pipe = await open(join(folder, 'my.jsonl'), 'w')
    await pipe.write(`${toLines(twoCompanies)}\n`)
    child.kill('SIGTERM')
    const noMoreReader = (async () => {
      for (;;) await pipe.write('\n'.repeat(1000))
    })()
    await expect(noMoreReader).rejects.toThrow('EPIPE')
    await pipe.close()

    const { code, errors } = await finished
    expect(errors).toBe('Interrupted.\n')
    expect(code).toBe(130)
    await expectNothingLeft(['my.jsonl'])
  })
})

describe("with a user's own file", () => {
  it('finds it from where the command was typed, and tours its companies', async () => {
    await writeData(twoCompanies)
    const { code, output } = await startDemo(['--data', 'my.jsonl']).finished
    expect(output).toContain('Loaded 2 tenants, 2 users, 2 projects, 2 tasks')
    expect(output).toContain('Company 1 sees')
    expect(code).toBe(0)
  })

  it('prints the SQL of the plan with --plan, and loads nothing', async () => {
    await writeData(twoCompanies)
    const { code, output, errors } = await startDemo(['--data', 'my.jsonl', '--plan']).finished
    expect(errors).toBe('')
    expect(output).toMatch(/^BEGIN;[^]*^CREATE POLICY tenantry_floor ON public\.tasks\n[^]*^COMMIT;/m)
    expect(output).not.toContain('Loaded')
    expect(code).toBe(0)
  })

  it('names its bad lines, and ends with an error', async () => {
    await writeData([...twoCompanies, 'nonsense', task(1, 14, 22)])
    const { code, output, errors } = await startDemo(['--data', 'my.jsonl']).finished
    expect(errors).toMatch(
      /my\.jsonl has 2 problems; nothing of it was kept\.\n {2}line 9: .*\n {2}line 10: .*\n$/,
    )
    expect(output).not.toContain('Loaded')
    expect(code).toBe(1)
  })

  it('loads 100,000 lines in a heap that could not hold them', { timeout }, async () => {
    const many = Array.from({ length: 100_000 }, (_, index) => task(1, 1_000_000 + index, 12))
    await writeData([...twoCompanies, ...many])
    const { code, output, errors } = await startDemo(['--data', 'my.jsonl'], {
      environment: { NODE_OPTIONS: '--max-old-space-size=32' },
    }).finished
    expect(errors).toBe('')
    expect(output).toContain('100,002 tasks')
    expect(code).toBe(0)
  })
})

describe('its arguments', () => {
  it.each([
    [['--help'], 0, /Usage: npm run demo -- \[options\][^]*--data <file>[^]*--keep/, /^$/],
    [['--nope'], 1, /^$/, /unknown option '--nope'/],
    [['my.jsonl'], 1, /^$/, /too many arguments/],
    [['--data'], 1, /^$/, /argument missing/],
    [['--data', 'missing.jsonl'], 1, /^$/, /There is no file .*missing\.jsonl/],
    [['--data', '.'], 1, /^$/, /is a directory/],
  ])('%j', async (parameters, expectedCode, expectedOutput, expectedErrors) => {
    const { code, output, errors } = await startDemo(parameters).finished
    expect(output).toMatch(expectedOutput)
    expect(errors).toMatch(expectedErrors)
    expect(code).toBe(expectedCode)
  })

  it('colours nothing where nobody could see it', async () => {
    await writeData(twoCompanies)
    const { output } = await startDemo(['--data', 'my.jsonl'], { environment: { NO_COLOR: '1' } }).finished
    expect(output).not.toContain('\u{1B}')
  })
})
