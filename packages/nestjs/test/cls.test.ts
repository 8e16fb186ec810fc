import {
  Controller,
  Get,
  Inject,
  Injectable,
  RequestMethod,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm'
import { createTenancy } from '@tenantry/core'
import { TenantPool } from '@tenantry/core/pg'
import { TenantDataSource, type TenantDataSourceOptions } from '@tenantry/typeorm'
import { ClsModule, ClsService, ClsServiceManager } from 'nestjs-cls'
import type { DataSource, EntityManager } from 'typeorm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenancyModule } from '../src/index.ts'
import { answer, rootModule, startApplication } from './support/application.ts'
import { nestRelease } from './support/release.ts'
import { useTenants } from './support/tenants.ts'

const fixture = useTenants()
const cls = ClsServiceManager.getClsService<{ tenantId: string | undefined }>()
const tenancy = createTenancy({
  tenantId: 'uuid',
  name: 'cls',
  source: () => (cls.isActive() ? cls.get('tenantId') : undefined),
})
let pool: TenantPool

beforeAll(() => {
  pool = new TenantPool({ tenancy, connectionString: fixture.database.urls.app, max: 2 })
})
afterAll(() => pool.end())

/** Keeps the tenant where applications with nestjs-cls keep it. */
@Injectable()
class ClsGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>()
    await Promise.resolve()
    if (cls.isActive()) cls.set('tenantId', headers['x-tenant-id'])
    return true
  }
}

async function names(source: Pick<TenantPool, 'query'> = pool): Promise<string[]> {
  const { rows } = await source.query<{ name: string }>('select name from projects order by name')
  return rows.map(({ name }) => name)
}

const OTHER = Symbol('the other tenant')

@Controller()
class ClsController {
  readonly #cls: ClsService
  readonly #other: string

  constructor(@Inject(ClsService) service: ClsService, @Inject(OTHER) other: string) {
    this.#cls = service
    this.#other = other
  }

  @Get('projects')
  projects(): Promise<string[]> {
    return names()
  }

  @Get('excluded')
  excluded(): Promise<string[]> {
    return names()
  }

  /** What somebody might do by mistake, in the middle of a transaction. */
  @Get('switched')
  async switched(): Promise<unknown> {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const before = await names(client)
      this.#cls.set('tenantId', this.#other)
      return [before, await names(client)]
    } finally {
      await client.query('rollback')
      client.release()
    }
  }

  @Get('left')
  left(): Promise<string[]> {
    return this.#cls.exit(() => names())
  }
}

const start = (withModule: boolean, configure?: (app: INestApplication) => void) =>
  startApplication(
    rootModule({
      imports: [
        ...(withModule ? [TenancyModule.forRoot({ tenancy, resolve: [] })] : []),
        ClsModule.forRoot({ global: true, middleware: { mount: true } }),
      ],
      controllers: [ClsController],
      providers: [
        { provide: APP_GUARD, useClass: ClsGuard },
        { provide: OTHER, useFactory: () => fixture.globex.id },
      ],
    }),
    'Express',
    configure,
  )

const asAcme = () => ({ headers: { 'x-tenant-id': fixture.acme.id } })
const acmeProjects = ['acme app', 'acme website']

describe('nestjs-cls as the source', () => {
  test('alone, a tenant that changes in the middle is refused, and one that is left is none', async () => {
    const { request } = await start(false)
    expect(await answer(request('/projects', asAcme()))).toEqual({ status: 200, body: acmeProjects })
    expect((await request('/switched', asAcme())).status).toBe(500)
    expect((await request('/left', asAcme())).status).toBe(500)
  })

  test('with the module, the tenant that the guards have found is the one to the end', async () => {
    const { request } = await start(true)
    expect(await answer(request('/projects', asAcme()))).toEqual({ status: 200, body: acmeProjects })
    expect(await answer(request('/switched', asAcme()))).toEqual({
      status: 200,
      body: [acmeProjects, acmeProjects],
    })
    expect(await answer(request('/left', asAcme()))).toEqual({ status: 200, body: acmeProjects })
    expect((await request('/projects')).status).toBe(401)
  })

  test('where nestjs-cls is not mounted, nobody acts for a tenant by accident', async () => {
    // Its middleware is at `/` on Express 5, which with a prefix does not reach routes excluded from it.
    const { request } = await start(true, (app) => {
      app.setGlobalPrefix('api', { exclude: [{ path: 'excluded', method: RequestMethod.GET }] })
    })
    expect((await request('/api/projects', asAcme())).status).toBe(200)
    expect((await request('/excluded', asAcme())).status).toBe(nestRelease === 10 ? 200 : 401)
  })

  test('a resolver of the module does not depend on where nestjs-cls is mounted', async () => {
    const { request } = await startApplication(
      rootModule({
        imports: [
          TenancyModule.forRoot({
            tenancy,
            resolve: ({ headers }) => headers['x-tenant-id'] as string | undefined,
          }),
          ClsModule.forRoot({ global: true, middleware: { mount: true } }),
        ],
        controllers: [ClsController],
        providers: [{ provide: OTHER, useValue: '' }],
      }),
      'Express',
      (app) => {
        app.setGlobalPrefix('api', { exclude: [{ path: 'excluded', method: RequestMethod.GET }] })
      },
    )
    expect(await answer(request('/excluded', asAcme()))).toEqual({ status: 200, body: acmeProjects })
  })
})

/** What is used of @nestjs-cls/transactional, which has no release for nestjs-cls 7 and so none for the tests of Nest 12. */
interface Transactional {
  ClsPluginTransactional: new (options: { imports?: unknown[]; adapter: unknown }) => never
  Transactional(...options: unknown[]): MethodDecorator
  TransactionHost: new () => TransactionHost
  Propagation: { RequiresNew: unknown; Nested: unknown }
}

interface TransactionHost {
  readonly tx: EntityManager
  isTransactionActive(): boolean
  withTransaction<T>(...rest: unknown[]): Promise<T>
}

describe.skipIf(nestRelease === 12)('@nestjs-cls/transactional, which needs nestjs-cls 6', () => {
  const own = createTenancy({ tenantId: 'uuid', name: 'transactional' })

  async function startTransactional() {
    // Named at run time: with Nest 12 it is not installed.
    const transactional: string = '@nestjs-cls/transactional'
    const { ClsPluginTransactional, Transactional, TransactionHost, Propagation } = (await import(
      transactional
    )) as Transactional
    const { TransactionalAdapterTypeOrm } = (await import(`${transactional}-adapter-typeorm`)) as {
      TransactionalAdapterTypeOrm: new (options: { dataSourceToken: unknown }) => unknown
    }
    const { DataSource } = await import('typeorm')

    async function namesIn(manager: EntityManager): Promise<string[]> {
      const rows = await manager.query<{ name: string }[]>('select name from projects order by name')
      return rows.map(({ name }) => name)
    }

    @Controller()
    class TransactionalController {
      readonly #host: TransactionHost
      readonly #dataSource: DataSource

      constructor(
        @Inject(TransactionHost) host: TransactionHost,
        @InjectDataSource() dataSource: DataSource,
      ) {
        this.#host = host
        this.#dataSource = dataSource
      }

      @Get('projects')
      async projects(): Promise<unknown> {
        return this.#host.withTransaction({ isolationLevel: 'SERIALIZABLE' }, async () => {
          expect(this.#host.isTransactionActive()).toBe(true)
          const outer = await namesIn(this.#host.tx)
          const nested = await this.#host.withTransaction(Propagation.Nested, () => namesIn(this.#host.tx))
          const [{ level } = { level: '' }] = await this.#host.tx.query<{ level: string }[]>(
            `select current_setting('transaction_isolation') as level`,
          )
          return { outer, nested, level }
        })
      }

      /** The transaction of one tenant, and work for another one inside of it. */
      @Transactional()
      @Get('other')
      async other(): Promise<unknown> {
        await namesIn(this.#host.tx)
        return own.run(fixture.globex.id, async () => ({
          refused: await namesIn(this.#host.tx).catch(({ code }: { code?: string }) => code),
          injected: await namesIn(this.#dataSource.manager),
          renewed: await this.#host.withTransaction(Propagation.RequiresNew, () => namesIn(this.#host.tx)),
        }))
      }
    }

    return startApplication(
      rootModule({
        imports: [
          TenancyModule.forRoot({
            tenancy: own,
            resolve: ({ headers }) => headers['x-tenant-id'] as string | undefined,
          }),
          TypeOrmModule.forRootAsync({
            useFactory: () => ({ type: 'postgres', url: fixture.database.urls.app, poolSize: 4 }),
            dataSourceFactory: async (options) =>
              new TenantDataSource({ ...(options as TenantDataSourceOptions), tenancy: own }),
          }),
          ClsModule.forRoot({
            global: true,
            middleware: { mount: true },
            plugins: [
              new ClsPluginTransactional({
                imports: [TypeOrmModule],
                adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource }),
              }),
            ],
          }),
        ],
        controllers: [TransactionalController],
      }),
      'Express',
    )
  }

  test('its transactions act for the tenant of the request, nested and with an isolation level', async () => {
    const { request } = await startTransactional()
    const tenants = Array.from({ length: 4 }, () => fixture.all).flat()
    const answers = await Promise.all(
      tenants.map(({ id }) => answer(request('/projects', { headers: { 'x-tenant-id': id } }))),
    )
    expect(answers.map(({ body }) => body)).toEqual(
      tenants.map(({ name }) => {
        const projects = [`${name} app`, `${name} website`]
        return { outer: projects, nested: projects, level: 'serializable' }
      }),
    )
  })

  test("a transaction never does another tenant's work; a new one does", async () => {
    const { request } = await startTransactional()
    const globexProjects = ['globex app', 'globex website']
    expect(await answer(request('/other', asAcme()))).toEqual({
      status: 200,
      body: { refused: 'TENANT_MISMATCH', injected: globexProjects, renewed: globexProjects },
    })
  })
})
