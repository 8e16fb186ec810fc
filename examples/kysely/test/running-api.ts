import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import { inject } from 'vitest'
import { createApi } from '../src/api.ts'
import { openDatabase } from '../src/database.ts'
import { listen } from '../src/listen.ts'
import { migrate } from '../src/migrate.ts'
import type { NewCompany } from '../src/sign-up.ts'

/** An answer of the API: the parsed body, or undefined without one. */
export interface Answer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** The API over HTTP, on a database of its own. */
export interface RunningApi {
  /** As a superuser sees it. */
  readonly database: TestDatabase
  readonly url: string
  /** The connections of the application. */
  readonly connections: () => { total: number; idle: number; waiting: number }
  call(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer>
  signUp(name: string): Promise<NewCompany>
  close(): Promise<void>
}

/** @param max connections of the application */
export async function startApi(max: number): Promise<RunningApi> {
  const database = await connectToPostgres(inject('postgresUrl')).createDatabase({
    name: 'example-kysely',
    template: 'example-kysely',
    setup: (_query, { urls }) => migrate(urls.owner),
  })
  const { db, pool } = openDatabase(database.urls.app, max)
  const { url, close } = await listen(createApi(db), 0)

  const call: RunningApi['call'] = async (token, method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, body: isJson ? JSON.parse(text) : text === '' ? undefined : text }
  }
  return {
    database,
    url,
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    call,
    signUp: async (name) => (await call(undefined, 'POST', '/companies', { name })).body as NewCompany,
    async close() {
      await close()
      await db.destroy()
      await database.drop()
    },
  }
}
