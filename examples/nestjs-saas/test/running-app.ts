import { randomBytes } from 'node:crypto'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { connectToPostgres, type TestDatabase } from '@tenantry/testing'
import type { TenantDataSource } from '@tenantry/typeorm'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, inject } from 'vitest'
import { Tokens } from '../src/access/tokens.ts'
import type { Configuration } from '../src/configuration.ts'
import { createApp } from '../src/create-app.ts'
import { migrateDatabase } from '../src/database/migrate-database.ts'
import { sendRequest, type Answer } from './send-request.ts'

export interface Call {
  readonly token?: string | undefined
  /** The subdomain to call; the base domain if it is left out. */
  readonly slug?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A tenant as a test knows it. */
export interface KnownTenant {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly email: string
  readonly password: string
  /** Of the administrator. */
  readonly token: string
}

/** The application over HTTP, on a database of its own. */
export class RunningApp {
  declare app: NestExpressApplication
  declare database: TestDatabase
  declare configuration: Configuration
  #port = 0
  #tenants = 0

  /** @param poolSize connections of the application */
  async start(poolSize: number): Promise<void> {
    this.database = await createDatabase()
    this.configuration = configurationOf(this.database, poolSize)
    this.app = await createApp(this.configuration, { logger: false })
    await this.app.listen(0, '127.0.0.1')
    this.#port = Number(new URL(await this.app.getUrl()).port)
  }

  async stop(): Promise<void> {
    await this.app?.close()
    await this.database?.drop()
  }

  get dataSource(): TenantDataSource {
    return this.app.get<DataSource, TenantDataSource>(DataSource)
  }

  async call(method: string, path: string, { token, slug, body, headers }: Call = {}): Promise<Answer> {
    return sendRequest({
      port: this.#port,
      method,
      path,
      headers: {
        host: slug === undefined ? 'localhost' : `${slug}.localhost`,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** A new tenant, by the routes that a customer would use. */
  async signUp(label: string): Promise<KnownTenant> {
    this.#tenants += 1
    const slug = `${label.toLowerCase()}-${this.#tenants}`
    const credentials = { email: `admin@${slug}.example`, password: 'correct horse battery' }
    const { body } = await this.call('POST', '/tenants', {
      body: { name: label, slug, administrator: { ...credentials, name: `Admin of ${label}` } },
    })
    const signedIn = await this.call('POST', '/sign-in', { slug, body: credentials })
    return { id: body.id, name: label, slug, ...credentials, token: signedIn.body.token }
  }

  /** A user who is no administrator, and its token. */
  async addMember({ token, slug }: KnownTenant, email: string): Promise<{ id: string; token: string }> {
    const credentials = { email, password: 'correct horse battery' }
    const user = await this.call('POST', '/users', {
      token,
      body: { ...credentials, name: 'M', role: 'member' },
    })
    const signedIn = await this.call('POST', '/sign-in', { slug, body: credentials })
    return { id: user.body.id, token: signedIn.body.token }
  }

  operator(name = 'olga'): Promise<string> {
    return this.app.get(Tokens).issueForOperator(name)
  }

  /** Everything of one tenant, as a superuser sees it. */
  async rowsOf({ id }: { id: string }): Promise<unknown> {
    const [row] = await this.database.query(
      `select
         (select json_agg(t) from tenants t where id = $1) as tenants,
         (select json_agg(t) from tenant_slugs t where tenant_id = $1) as slugs,
         (select json_agg(t order by id) from users t where tenant_id = $1) as users,
         (select json_agg(t order by id) from projects t where tenant_id = $1) as projects,
         (select json_agg(t order by id) from tasks t where tenant_id = $1) as tasks`,
      [id],
    )
    return row
  }
}

/** The application of a test file, there from `beforeAll` on. */
export function useApp(poolSize = 3): RunningApp {
  const running = new RunningApp()
  beforeAll(() => running.start(poolSize))
  afterAll(() => running.stop())
  return running
}

export function createDatabase(): Promise<TestDatabase> {
  return connectToPostgres(inject('postgresUrl')).createDatabase({
    name: 'example-nestjs-saas',
    template: 'example-nestjs-saas',
    setup: (_query, { urls }) => migrateDatabase(urls.owner),
  })
}

export function configurationOf({ urls }: TestDatabase, poolSize = 3): Configuration {
  return {
    port: 0,
    baseDomain: 'localhost',
    database: { url: urls.app, systemUrl: urls.system, poolSize },
    tokens: { issuer: 'tests', userSecret: randomBytes(32), operatorSecret: randomBytes(32) },
    // Hundreds of passwords are hashed here, and none of them is secret.
    passwordCost: 2 ** 4,
  }
}
