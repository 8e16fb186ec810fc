import {
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  NotFoundException,
  Param,
  Post,
  type ModuleMetadata,
} from '@nestjs/common'
import { InjectDataSource, InjectRepository, TypeOrmModule } from '@nestjs/typeorm'
import { seedTenants, type SeededTenant } from '@tenantry/testing'
import { TenantColumn, TenantDataSource, type TenantDataSourceOptions } from '@tenantry/typeorm'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Column, DataSource, Entity, PrimaryGeneratedColumn, type Repository } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { SystemAccess, TenancyModule, tenantFromHeader } from '../src/index.ts'
import { adapters, answer, rootModule, startApplication, type AdapterName } from './support/application.ts'
import { tenancy, useTenants } from './support/tenants.ts'

const fixture = useTenants()
const resolve = tenantFromHeader('x-tenant-id', { trustedProxy: true })
const asTenant = ({ id }: SeededTenant) => ({ headers: { 'x-tenant-id': id } })

@Entity('projects')
class Project {
  @PrimaryGeneratedColumn('uuid')
  id!: string

  @TenantColumn()
  tenantId!: string

  @Column({ type: 'text' })
  name!: string
}

/** A service as the documentation of Nest writes it: no tenant in sight. */
@Injectable()
class ProjectsService {
  readonly #projects: Repository<Project>
  readonly #dataSource: DataSource

  constructor(
    @InjectRepository(Project) projects: Repository<Project>,
    @Inject(DataSource) dataSource: DataSource,
  ) {
    this.#projects = projects
    this.#dataSource = dataSource
  }

  async names(): Promise<string[]> {
    const projects = await this.#projects.find({ order: { name: 'ASC' } })
    return projects.map(({ name }) => name)
  }

  async one(id: string): Promise<Project> {
    const project = await this.#projects.findOneBy({ id })
    if (project === null) throw new NotFoundException()
    return project
  }

  create(name: string): Promise<Project> {
    return this.#projects.save({ name })
  }

  /** Counts in a transaction that stays open for a while. */
  countSlowly(): Promise<number> {
    return this.#dataSource.transaction('REPEATABLE READ', async (manager) => {
      const before = await manager.count(Project)
      await delay(5)
      const after = await manager.count(Project)
      return before === after ? after : -1
    })
  }
}

@Controller('projects')
class ProjectsController {
  readonly #service: ProjectsService

  constructor(@Inject(ProjectsService) service: ProjectsService) {
    this.#service = service
  }

  @Get()
  names(): Promise<string[]> {
    return this.#service.names()
  }

  @SystemAccess('count of all projects')
  @Get('all')
  async all(): Promise<number> {
    return (await this.#service.names()).length
  }

  @Get('count')
  count(): Promise<number> {
    return this.#service.countSlowly()
  }

  @Get(':id')
  one(@Param('id') id: string): Promise<Project> {
    return this.#service.one(id)
  }

  @Post()
  create(@Body() body: { name: string }): Promise<Project> {
    return this.#service.create(body.name)
  }
}

/** A data source of the application, on three connections. */
function typeOrm(name?: string): NonNullable<ModuleMetadata['imports']>[number] {
  const { app, system } = fixture.database.urls
  return TypeOrmModule.forRootAsync({
    ...(name !== undefined && { name }),
    useFactory: () => ({
      ...(name !== undefined && { name }),
      type: 'postgres' as const,
      url: app,
      poolSize: 3,
      autoLoadEntities: true,
    }),
    dataSourceFactory: async (options) =>
      new TenantDataSource({ ...(options as TenantDataSourceOptions), tenancy, system: { url: system } }),
  })
}

const start = (adapter: AdapterName) =>
  startApplication(
    rootModule({
      imports: [TenancyModule.forRoot({ tenancy, resolve }), typeOrm(), TypeOrmModule.forFeature([Project])],
      controllers: [ProjectsController],
      providers: [ProjectsService],
    }),
    adapter,
  )

describe.each(adapters)('on %s', (adapter) => {
  test('the same services on a data source of their own role read every tenant, or nobody', async () => {
    for (const [url, expected] of [
      [fixture.database.urls.system, true],
      [fixture.database.urls.app, false],
    ] as const) {
      const { request } = await startApplication(
        rootModule({
          imports: [
            TenancyModule.forRoot({ tenancy, resolve }),
            TypeOrmModule.forRoot({ type: 'postgres', url, autoLoadEntities: true }),
            TypeOrmModule.forFeature([Project]),
          ],
          controllers: [ProjectsController],
          providers: [ProjectsService],
        }),
        adapter,
      )
      const { body } = await answer(request('/projects', asTenant(fixture.acme)))
      expect((body as string[]).includes('globex app')).toBe(expected)
      expect((body as string[]).includes('acme app')).toBe(expected)
    }
  })

  test('services without a tenant in sight act for the one of their request', async () => {
    const { request } = await start(adapter)
    const { acme, globex } = fixture
    expect(await answer(request('/projects', asTenant(globex)))).toEqual({
      status: 200,
      body: ['globex app', 'globex website'],
    })
    const own = await answer(request(`/projects/${globex.projectIds[0]}`, asTenant(globex)))
    expect(own).toMatchObject({ status: 200, body: { tenantId: globex.id } })
    expect((await request(`/projects/${acme.projectIds[0]}`, asTenant(globex))).status).toBe(404)
    expect((await request('/projects')).status).toBe(401)
    const all = await answer(request('/projects/all'))
    const [{ count } = { count: -1 }] = await fixture.database.query<{ count: number }>(
      'select count(*)::int from projects',
    )
    expect(all).toEqual({ status: 200, body: count })
  })

  test("a row is the request's tenant's, whatever its body says", async () => {
    const { request } = await start(adapter)
    const { [`hooli${adapter}`]: hooli } = await seedTenants(fixture.database.query, {
      [`hooli${adapter}`]: randomUUID(),
    })
    const response = await request('/projects', {
      method: 'POST',
      headers: { 'x-tenant-id': hooli?.id ?? '', 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'new', tenantId: fixture.acme.id, tenant_id: fixture.acme.id }),
    })
    expect(await response.json()).toMatchObject({ name: 'new', tenantId: hooli?.id })
    expect(
      await fixture.database.query('select tenant_id from projects where name = $1', ['new']),
    ).toContainEqual({
      tenant_id: hooli?.id,
    })
  })

  test('384 requests of 48 tenants at once on three connections, in transactions and outside', async () => {
    const { request } = await start(adapter)
    // Tenants that no other test of this file writes for.
    const tenants = fixture.all.slice(2)
    const sent = Array.from({ length: 8 }, (_, turn) => tenants.map((tenant) => ({ tenant, turn }))).flat()
    const answers = await Promise.all(
      sent.map(({ tenant, turn }) =>
        answer(request(turn % 2 === 0 ? '/projects' : '/projects/count', asTenant(tenant))),
      ),
    )
    expect(answers.map(({ body }) => body)).toEqual(
      sent.map(({ tenant: { name }, turn }) => (turn % 2 === 0 ? [`${name} app`, `${name} website`] : 2)),
    )
  })
})

test('several data sources act for the same tenant', async () => {
  @Controller()
  class BothController {
    readonly #first: DataSource
    readonly #second: DataSource

    constructor(@InjectDataSource() first: DataSource, @InjectDataSource('reports') second: DataSource) {
      this.#first = first
      this.#second = second
    }

    @Get('both')
    async both(): Promise<string[][]> {
      const sources = [this.#first, this.#second]
      const found = await Promise.all(
        sources.map((source) => source.getRepository(Project).find({ order: { name: 'ASC' } })),
      )
      return found.map((projects) => projects.map(({ name }) => name))
    }
  }
  const { request } = await startApplication(
    rootModule({
      imports: [
        TenancyModule.forRoot({ tenancy, resolve }),
        typeOrm(),
        TypeOrmModule.forFeature([Project]),
        typeOrm('reports'),
        TypeOrmModule.forFeature([Project], 'reports'),
      ],
      controllers: [BothController],
    }),
    'Express',
  )
  const names = ['acme app', 'acme website']
  expect(await answer(request('/both', asTenant(fixture.acme)))).toEqual({
    status: 200,
    body: [names, names],
  })
})

test('closing the application lets an open transaction finish', async () => {
  const { app, request } = await startApplication(
    rootModule({
      imports: [TenancyModule.forRoot({ tenancy, resolve }), typeOrm(), TypeOrmModule.forFeature([Project])],
      controllers: [ProjectsController],
      providers: [ProjectsService],
    }),
    'Express',
    undefined,
    { forceCloseConnections: false },
  )
  const headers = { 'x-tenant-id': fixture.acme.id, connection: 'close' }
  const service = app.get(ProjectsService)
  const countSlowly = service.countSlowly.bind(service)
  const begun = new Promise<void>((resolveBegun) => {
    service.countSlowly = () => {
      resolveBegun()
      return countSlowly()
    }
  })
  const response = request('/projects/count', { headers })
  await begun
  const closed = app.close()
  expect(await answer(response)).toEqual({ status: 200, body: 2 })
  await closed
})
