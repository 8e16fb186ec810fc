import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, inject, test } from 'vitest'

/** Milliseconds for an example that starts a server; a busy machine takes its time. */
const timeout = 120_000
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let started: ChildProcess | undefined
afterEach(() => started?.kill('SIGKILL'))

/** On the server of the test run, or on one that it starts itself. */
function start({ ownServer = false, port = '0' } = {}) {
  const child = spawn(process.execPath, ['--conditions=@tenantry/source', main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PORT: port,
      NODE_OPTIONS: '',
      TENANTRY_TEST_POSTGRES: '',
      TENANTRY_TEST_DATABASE_URL: ownServer ? '' : inject('postgresUrl'),
    },
  })
  started = child
  return { child, errors: text(child.stderr), ended: once(child, 'close') }
}

/** What it prints until it says how to end it. */
async function greeting({ stdout }: ChildProcess): Promise<string> {
  let output = ''
  for await (const chunk of stdout!.setEncoding('utf8')) {
    output += String(chunk)
    if (output.includes('Ctrl-C')) break
  }
  return output
}

test.each([
  ['the server of the tests', false],
  ['a server of its own', true],
])('on %s, it says what can be called, and ends with Ctrl-C', { timeout }, async (_name, ownServer) => {
  const { child, errors, ended } = start({ ownServer })
  const calls = [
    ...(await greeting(child)).matchAll(/curl (\S+) -H 'authorization: Bearer (\S+)'(?: -d '(.*)')?/g),
  ]
  const answers: unknown[] = []
  for (const [, url, token, body] of calls) {
    const response = await fetch(String(url), {
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { method: 'POST', body }),
    })
    answers.push(await response.json())
  }
  expect(answers).toMatchObject([
    { name: 'Website of Porto Legal' },
    [{ name: 'Website of Porto Legal' }],
    { name: 'Website of Faroe Kayaks' },
    [{ name: 'Website of Faroe Kayaks' }],
  ])
  child.kill('SIGINT')
  await ended
  expect(await errors).toBe('')
  expect(child.exitCode).toBe(0)
})

test('a port that is taken is said plainly', { timeout }, async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { child, errors, ended } = start({ port: String((other.address() as { port: number }).port) })
  await ended
  expect(await errors).toMatch(/^listen EADDRINUSE: .*\. Choose another PORT\.\n$/)
  expect(child.exitCode).toBe(1)
  other.close()
})
