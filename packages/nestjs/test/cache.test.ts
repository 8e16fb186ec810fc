import { CACHE_MANAGER, CacheInterceptor, CacheKey, CacheModule } from '@nestjs/cache-manager'
import { Controller, Get, UseGuards, UseInterceptors, type Type } from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { TenantCacheInterceptor, tenantCacheKey } from '../src/cache/index.ts'
import { tenantFromClaim, WithoutTenant } from '../src/index.ts'
import {
  adapters,
  answer,
  rootModule,
  startApplication,
  type RunningApplication,
} from './support/application.ts'
import { AuthenticationGuard } from './support/projects.ts'
import { current, projectNames, projectsOf, tenancy, tenancyModule, useTenants } from './support/tenants.ts'

const fixture = useTenants()
let handled = 0

beforeEach(() => {
  handled = 0
})

interface Store {
  get(key: string): Promise<unknown>
  del(key: string): Promise<unknown>
}

function cachedController(interceptor: Type<CacheInterceptor>): Type<unknown> {
  @Controller()
  @UseInterceptors(interceptor)
  class CachedController {
    @Get('projects')
    projects(): Promise<string[]> {
      handled += 1
      return projectNames(fixture)
    }

    @Get('named')
    @CacheKey('the-projects')
    named(): Promise<string[]> {
      handled += 1
      return projectNames(fixture)
    }

    @WithoutTenant()
    @Get('plans')
    async plans(): Promise<unknown> {
      handled += 1
      return { scope: current(), rows: (await fixture.pool.query('select name from plans order by id')).rows }
    }
  }
  return CachedController
}

function start(
  interceptor: Type<CacheInterceptor>,
  adapter: (typeof adapters)[number] = 'Express',
): Promise<RunningApplication> {
  return startApplication(
    rootModule({
      imports: [tenancyModule(), CacheModule.register()],
      controllers: [cachedController(interceptor)],
    }),
    adapter,
  )
}

const as = (id: string): RequestInit => ({ headers: { 'x-tenant': id } })

test("Nest's own interceptor gives one tenant the response of another", async () => {
  const { acme, globex } = fixture
  const { request } = await start(CacheInterceptor)
  await answer(request('/projects', as(acme.id)))
  expect((await answer(request('/projects', as(globex.id)))).body).toEqual(projectsOf(acme))
})

describe.each(adapters)('on %s', (adapter) => {
  describe('as a global interceptor, which runs before the one of the module', () => {
    @Controller()
    @UseGuards(AuthenticationGuard)
    class GuardedController {
      @Get('projects')
      projects(): Promise<string[]> {
        handled += 1
        return projectNames(fixture)
      }
    }

    const startWith = (options: Parameters<typeof tenancyModule>[0]) =>
      startApplication(
        rootModule({
          imports: [tenancyModule(options), CacheModule.register()],
          controllers: [GuardedController],
          providers: [{ provide: APP_INTERCEPTOR, useClass: TenantCacheInterceptor }],
        }),
        adapter,
      )
    const naming = (tenant: string, own: string): RequestInit => ({
      headers: { 'x-tenant': tenant, 'x-user': JSON.stringify({ sub: 'ada', tenant_id: own }) },
    })

    test('nobody gets from the cache what resolvers that answer after the guards refuse', async () => {
      const { acme, globex } = fixture
      const { request } = await startWith({
        resolve: [({ headers }) => headers['x-tenant'] as string, tenantFromClaim('tenant_id')],
      })
      for (const times of [1, 2]) {
        expect((await answer(request('/projects', naming(acme.id, acme.id)))).body).toEqual(projectsOf(acme))
        expect(handled, `asked ${times} times`).toBe(1)
      }
      expect((await request('/projects', naming(acme.id, globex.id))).status).toBe(403)
    })

    test('nobody gets from the cache what membership refuses', async () => {
      const { acme } = fixture
      let isMember = true
      const { request } = await startWith({ membership: () => isMember })
      expect((await answer(request('/projects', as(acme.id)))).body).toEqual(projectsOf(acme))
      isMember = false
      expect((await request('/projects', as(acme.id))).status).toBe(403)
      expect(handled).toBe(1)
    })
  })

  test('each tenant gets its own response, and its own from the cache', async () => {
    const { acme, globex } = fixture
    const { request } = await start(TenantCacheInterceptor, adapter)
    for (const tenant of [acme, globex, acme, globex]) {
      expect((await answer(request('/projects', as(tenant.id)))).body).toEqual(projectsOf(tenant))
    }
    expect(handled).toBe(2)
    for (const tenant of [acme, globex, acme]) {
      expect((await answer(request('/named', as(tenant.id)))).body).toEqual(projectsOf(tenant))
    }
    expect(handled).toBe(4)
    expect(await request('/projects', as(acme.id)).then(({ headers }) => headers.get('x-cache'))).toBe('HIT')
  })
})

test('what is for no tenant is shared by all', async () => {
  const { acme, globex } = fixture
  const { request } = await start(TenantCacheInterceptor)
  const first = await answer(request('/plans', as(acme.id)))
  expect(first.body).toEqual({ scope: 'none', rows: [{ name: 'free' }, { name: 'team' }] })
  expect(await answer(request('/plans', as(globex.id)))).toEqual(first)
  expect(await answer(request('/plans'))).toEqual(first)
  expect(handled).toBe(1)
})

test('a response is found and dropped under the key of its scope, whose ids are not to be read in it', async () => {
  const { acme, globex } = fixture
  const { app, request } = await start(TenantCacheInterceptor)
  for (const { id } of [acme, globex]) await answer(request('/projects', as(id)))
  const cache = app.get<Store>(CACHE_MANAGER, { strict: false })

  const key = tenancy.run(acme.id, () => tenantCacheKey(tenancy, '/projects'))
  expect(key).not.toContain(acme.id)
  expect(await cache.get(key)).toEqual(projectsOf(acme))
  await cache.del(key)
  for (const { id } of [acme, globex]) await answer(request('/projects', as(id)))
  expect(handled).toBe(3)
})

test('users of one tenant have keys of their own where the tenancy has the user', () => {
  const { acme, globex } = fixture
  const keys = [
    { tenantId: acme.id, userId: acme.userId },
    { tenantId: acme.id, userId: globex.userId },
    { tenantId: acme.id },
    { tenantId: globex.id, userId: acme.userId },
  ].map((tenant) => tenancy.run(tenant, () => tenantCacheKey(tenancy, '/projects')))
  expect(new Set(keys).size).toBe(4)
  expect(() => tenantCacheKey(tenancy, '/projects')).toThrow(
    expect.objectContaining({ code: 'TENANT_REQUIRED' }),
  )
})
