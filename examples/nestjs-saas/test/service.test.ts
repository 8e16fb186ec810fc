import pg from 'pg'
import { expect, test } from 'vitest'
import { readConfiguration } from '../src/configuration.ts'
import { createApp } from '../src/create-app.ts'
import { configurationOf, createDatabase, useApp } from './running-app.ts'

const app = useApp()

test('health and readiness need no tenant, and readiness fails with the database', async () => {
  for (const path of ['/health', '/ready']) {
    expect(await app.call('GET', path)).toMatchObject({ status: 200, body: { status: 'ok' } })
  }
  const database = await createDatabase()
  const other = await createApp(configurationOf(database), { logger: false })
  try {
    await other.listen(0, '127.0.0.1')
    const url = await other.getUrl()
    await database.drop()
    expect((await fetch(`${url}/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health`)).status).toBe(200)
  } finally {
    await other.close()
  }
})

test.each([
  ['a superuser', 'superuser'],
  ['a role that crosses tenants', 'system'],
] as const)('it does not start as %s', async (_who, role) => {
  const database = await createDatabase()
  try {
    const configuration = configurationOf(database)
    const unsafe = { ...configuration, database: { ...configuration.database, url: database.urls[role] } }
    await expect(createApp(unsafe, { logger: false })).rejects.toMatchObject({ code: 'UNSAFE_DATABASE' })
  } finally {
    await database.drop()
  }
})

test('it does not start on a table whose isolation somebody has lifted', async () => {
  const database = await createDatabase()
  try {
    await database.query('alter table tasks no force row level security')
    await expect(createApp(configurationOf(database), { logger: false })).rejects.toMatchObject({
      code: 'UNSAFE_DATABASE',
      message: expect.stringContaining('tasks'),
    })
  } finally {
    await database.drop()
  }
})

test('a request that is being served when the application closes is finished, and no connection stays', async () => {
  const database = await createDatabase()
  const closing = await createApp(configurationOf(database), { logger: false })
  const superuser = new pg.Client({ connectionString: database.urls.superuser })
  try {
    await superuser.connect()
    await closing.listen(0, '127.0.0.1')
    const url = await closing.getUrl()
    await superuser.query('begin; lock table projects in share mode')
    const administrator = { email: 'late@example.org', name: 'Late', password: 'correct horse battery' }
    const answer = fetch(`${url}/tenants`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Late', slug: 'late', administrator }),
    })
    const waiting = () =>
      database.query(`select 1 from pg_stat_activity where usename = 'tenantry_app' and wait_event_type = 'Lock'
        and datname = current_database()`)
    await expect.poll(waiting).toHaveLength(1)
    const closed = closing.close()
    // Nobody new comes in meanwhile.
    await expect
      .poll(() =>
        fetch(`${url}/health`).then(
          ({ status }) => status,
          () => 'refused',
        ),
      )
      .toBe('refused')
    await superuser.query('commit')
    expect((await answer).status).toBe(201)
    await closed
    const left = await database.query(
      `select 1 from pg_stat_activity where usename like 'tenantry\\_%' and datname = current_database()`,
    )
    expect(left).toEqual([])
  } finally {
    await superuser.end()
    await closing.close()
    await database.drop()
  }
})

test('the OpenAPI page is there', async () => {
  expect((await app.call('GET', '/docs')).text).toContain('swagger-ui')
})

test('a body that is not right is a 400 that says why, and nothing of the inside', async () => {
  const { token } = await app.signUp('Acme')
  const call = (body: unknown) => app.call('POST', '/projects', { token, body })
  expect(await call({})).toMatchObject({
    status: 400,
    body: { message: ['name must be longer than or equal to 1 characters'] },
  })
  expect(await call({ name: 'x', colour: 'red' })).toMatchObject({
    status: 400,
    body: { message: ['property colour should not exist'] },
  })
  expect((await call('{"name":')).status).toBe(400)
  expect((await app.call('GET', '/projects?take=1000', { token })).status).toBe(400)
  expect((await app.call('GET', '/projects/nonsense', { token })).status).toBe(400)
  expect((await app.call('GET', '/nowhere', { token })).status).toBe(404)
})

test('the configuration names what is missing, weak or the same twice', () => {
  const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64')
  const whole = {
    BASE_DOMAIN: 'example.com',
    DATABASE_URL: 'postgres://app@localhost/app',
    SYSTEM_DATABASE_URL: 'postgres://system@localhost/app',
    TOKEN_ISSUER: 'https://example.com',
    TOKEN_SECRET: secret(1),
    OPERATOR_TOKEN_SECRET: secret(2),
  }
  expect(readConfiguration(whole)).toMatchObject({
    port: 3000,
    baseDomain: 'example.com',
    database: { poolSize: 10 },
  })
  for (const name of Object.keys(whole)) {
    expect(() => readConfiguration({ ...whole, [name]: '' })).toThrow(name)
  }
  expect(() => readConfiguration({ ...whole, TOKEN_SECRET: 'short' })).toThrow('32 bytes')
  expect(() => readConfiguration({ ...whole, OPERATOR_TOKEN_SECRET: secret(1) })).toThrow('another one')
  expect(() => readConfiguration({ ...whole, PORT: 'http' })).toThrow('PORT')
})
