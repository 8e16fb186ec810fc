import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createApi } from '../src/api.ts'
import { openDatabase, type Database } from '../src/database.ts'
import { migrateDatabase } from '../src/migrate-database.ts'

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Project {
  readonly id: string
  readonly tenantId: string
  readonly name: string
  readonly tasks: readonly { readonly id: string; readonly title: string }[]
}

/** Tests of the API by requests over HTTP, on whichever driver src/database.ts names. */
export function testApi(): void {
  let database: TestDatabase
  let db: Database
  let api: FastifyInstance
  let address: string

  beforeAll(async () => {
    database = await connectToPostgres(inject('postgresUrl')).createDatabase({
      name: 'example-drizzle',
      setup: async (_query, { urls }) => migrateDatabase(urls.owner),
    })
    db = await openDatabase(database.urls.app)
    api = createApi(db, 'a secret of the tests')
    address = await api.listen({ port: 0 })
  })

  afterAll(async () => {
    await api?.close()
    await db?.$client.end()
    await database?.drop()
  })

  async function send(method: string, path: string, token?: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${address}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }

  async function createCompany(name: string): Promise<{ id: string; token: string; name: string }> {
    const { body } = await send('POST', '/companies', undefined, { name })
    return { ...(body as { id: string; token: string }), name }
  }

  test('many companies at once each see what is theirs', async () => {
    const tenants = await Promise.all(
      Array.from({ length: 30 }, (_, index) => createCompany(`Company ${index}`)),
    )
    const rounds = Array.from({ length: 5 }, (_, index) => index)
    await Promise.all(
      rounds.flatMap((round) =>
        tenants.map(async ({ token, name }) => {
          const created = await send('POST', '/projects', token, {
            name: `${name}, project ${round}`,
            tasks: [`${name}, task`],
          })
          expect(created.status).toBe(201)
          const { id } = created.body as Project
          await send('POST', `/projects/${id}/tasks`, token, { title: `${name}, second task` })
        }),
      ),
    )
    // Twice the pool's connections and more, in a mixed order: every answer has the rows of the company that asked.
    await Promise.all(
      [...tenants, ...tenants.toReversed()].map(async ({ id, token, name }) => {
        const { body } = await send('GET', '/projects', token)
        const found = body as Project[]
        expect(found.map((project) => [project.tenantId, project.name])).toEqual(
          rounds.map((round) => [id, `${name}, project ${round}`]),
        )
        const one = (await send('GET', `/projects/${found[0]!.id}`, token)).body as Project
        expect(one.tasks.map(({ title }) => title)).toEqual([`${name}, second task`, `${name}, task`])
      }),
    )
  })

  test('another company’s projects and tasks are not there', async () => {
    const [owner, other] = await Promise.all([createCompany('Owner'), createCompany('Other')])
    const { body } = await send('POST', '/projects', owner.token, { name: 'Secret', tasks: ['Hidden'] })
    const { id } = body as Project
    const [task] = ((await send('GET', `/projects/${id}`, owner.token)).body as Project).tasks

    const attacks = await Promise.all([
      send('GET', `/projects/${id}`, other.token),
      send('DELETE', `/projects/${id}`, other.token),
      send('POST', `/projects/${id}/tasks`, other.token, { title: 'Planted' }),
      send('PATCH', `/tasks/${task!.id}`, other.token, { done: true }),
    ])
    expect(attacks.map(({ status }) => status)).toEqual([404, 404, 404, 404])
    expect(await send('GET', '/projects', other.token)).toEqual({ status: 200, body: [] })
    expect((await send('GET', `/projects/${id}`, owner.token)).body).toMatchObject({
      name: 'Secret',
      tasks: [{ title: 'Hidden', done: false }],
    })
  })

  test('a request without a token, or with a forged one, is refused', async () => {
    const { id, token } = await createCompany('Careful')
    const forged = [
      undefined,
      '',
      'nonsense',
      id,
      `${id}.`,
      `${id}.AAAA`,
      `${token}A`,
      token.replace(id, id.toUpperCase()),
    ]
    const answers = await Promise.all(forged.map((each) => send('GET', '/projects', each)))
    expect(answers.map(({ status }) => status)).toEqual(forged.map(() => 401))
  })

  test('a body cannot say whose a row is', async () => {
    const [one, other] = await Promise.all([createCompany('One'), createCompany('Two')])
    const { body } = await send('POST', '/projects', one.token, {
      name: 'Mine',
      tenantId: other.id,
      tenant_id: other.id,
    })
    expect(body).toMatchObject({ tenantId: one.id })
  })

  test('an error of one request leaves nothing to the next', async () => {
    const { token } = await createCompany('Clumsy')
    const answers = await Promise.all([
      send('POST', '/projects', token, { name: 'a\u0000b' }),
      send('POST', '/projects', token, {}),
      send('GET', '/projects/nonsense', token),
    ])
    expect(answers.map(({ status }) => status)).toEqual([500, 400, 400])
    expect(await send('GET', '/health')).toEqual({ status: 200, body: { status: 'ok' } })
    expect(await send('GET', '/projects', token)).toEqual({ status: 200, body: [] })
  })
}
