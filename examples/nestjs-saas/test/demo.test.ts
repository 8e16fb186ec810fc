import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, inject, test } from 'vitest'
import { sendRequest } from './send-request.ts'

/** Milliseconds for an example that starts a server; a busy machine takes its time. */
const timeout = 120_000
const start = fileURLToPath(new URL('../start.mjs', import.meta.url))

let started: ChildProcess | undefined
afterEach(() => started?.kill('SIGKILL'))

/** On the server of the test run, or on one that it starts itself. */
function startExample({ ownServer = false, port = '0' } = {}) {
  const child = spawn(process.execPath, ['--conditions=@tenantry/source', start], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PORT: port,
      NODE_OPTIONS: '',
      NO_COLOR: '1',
      TENANTRY_TEST_POSTGRES: '',
      TENANTRY_TEST_DATABASE_URL: ownServer ? '' : inject('postgresUrl'),
    },
  })
  started = child
  return { child, errors: text(child.stderr), ended: once(child, 'close') }
}

/** What it prints until it says how to end it. It goes on printing, and is read on. */
async function greeting({ stdout }: ChildProcess): Promise<string> {
  let output = ''
  stdout!.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  await expect.poll(() => output, { timeout }).toContain('Ctrl-C')
  return output
}

test.each([
  ['the server of the tests', false],
  ['a server of its own', true],
])('on %s, it says what can be called, and ends with Ctrl-C', { timeout }, async (_name, ownServer) => {
  const { child, errors, ended } = startExample({ ownServer })
  const calls = [
    ...(await greeting(child)).matchAll(
      /^curl (\S+) -H '(\S+): ([^']+)'(?: -H '(\S+): ([^']+)')?(?: -d '(.*)')?$/gm,
    ),
  ]
  const answers: unknown[] = []
  for (const [
    ,
    url = '',
    first = '',
    firstValue = '',
    second = 'accept',
    secondValue = '*/*',
    body,
  ] of calls) {
    // Not every system knows that what ends in .localhost is itself.
    const { host, port, pathname } = new URL(url)
    const headers = { host, [first]: firstValue, [second]: secondValue }
    const method = body === undefined ? 'GET' : 'POST'
    answers.push((await sendRequest({ port: Number(port), method, path: pathname, headers, body })).body)
  }
  expect(answers).toMatchObject([
    [{ name: 'First project' }, { name: 'Website of Porto Legal' }],
    { token: expect.any(String) },
    [{ name: 'First project' }, { name: 'Website of Faroe Kayaks' }],
    { token: expect.any(String) },
    [
      { tenant: 'Faroe Kayaks', status: 'open', tasks: 2 },
      { tenant: 'Porto Legal', status: 'open', tasks: 2 },
    ],
    [{ operator: 'you' }, { operator: 'you' }],
  ])
  child.kill('SIGINT')
  await ended
  expect(await errors).toBe('')
  expect(child.exitCode).toBe(0)
})

test('a port that is taken is said plainly', { timeout }, async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { child, errors, ended } = startExample({ port: String((other.address() as { port: number }).port) })
  await ended
  expect(await errors).toMatch(/^listen EADDRINUSE: .*\. Choose another PORT\.$/m)
  expect(child.exitCode).toBe(1)
  other.close()
})
