import { Controller, Get, Injectable } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import type { SystemEvent } from '@tenantry/core'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  TENANCY,
  TenancyModule,
  tenantFromClaim,
  tenantFromHeader,
  tenantFromPath,
  tenantFromSubdomain,
  type TenancyModuleOptions,
  type TenancyOptionsFactory,
} from '../src/index.ts'
import {
  adapters,
  answer,
  rootModule,
  startApplication,
  type RunningApplication,
} from './support/application.ts'
import {
  AuthenticationGuard,
  poolProvider,
  ProjectsController,
  scopesInOperatorGuard,
  UsersGuard,
  type User,
} from './support/projects.ts'
import { tenancy, useTenants } from './support/tenants.ts'

const fixture = useTenants()
const acmeProjects = ['acme app', 'acme website']
const globexProjects = ['globex app', 'globex website']
const claim = tenantFromClaim('tenant_id', { settings: { userId: 'sub' } })
const header = tenantFromHeader('x-tenant-id', { trustedProxy: true })

const unauthorised = {
  status: 401,
  body: { statusCode: 401, message: 'Unauthorized', code: 'TENANT_REQUIRED' },
}
const forbidden = { status: 403, body: { statusCode: 403, message: 'Forbidden', code: 'TENANT_MISMATCH' } }
const badRequest = {
  status: 400,
  body: { statusCode: 400, message: 'Bad Request', code: 'INVALID_TENANT_ID' },
}

const asUser = (user: User) => ({ headers: { 'x-user': JSON.stringify(user) } })

describe.each(adapters)('on %s', (adapter) => {
  function start(
    options: Partial<TenancyModuleOptions>,
    more: { globalAuthentication?: boolean } = {},
  ): Promise<RunningApplication> {
    return startApplication(
      rootModule({
        imports: [TenancyModule.forRoot({ tenancy, resolve: claim, ...options })],
        controllers: [ProjectsController],
        providers: [
          poolProvider(() => fixture.pool),
          UsersGuard,
          ...(more.globalAuthentication === true
            ? [{ provide: APP_GUARD, useClass: AuthenticationGuard }]
            : []),
        ],
      }),
      adapter,
    )
  }

  describe('a tenant known to a global guard of the application', () => {
    test('is acted for, by its claim and the settings of others', async () => {
      const { request } = await start({}, { globalAuthentication: true })
      const user = { sub: 'u1', tenant_id: fixture.acme.id.toUpperCase() }
      expect(await answer(request('/projects', asUser(user)))).toEqual({ status: 200, body: acmeProjects })
      expect(await answer(request('/whoami', asUser(user)))).toEqual({
        status: 200,
        body: { tenantId: fixture.acme.id, values: { tenantId: fixture.acme.id, userId: 'u1' } },
      })
    })

    test('without one the request is refused before its handler', async () => {
      const { request } = await start({}, { globalAuthentication: true })
      expect(await answer(request('/projects'))).toEqual(unauthorised)
      expect(await answer(request('/projects', asUser({ sub: 'u1' })))).toEqual(unauthorised)
    })

    test.each([['no-uuid'], [''], [' '], ['null'], [42], [['a']], [{ tenantId: 'x' }], [true]])(
      'a claim of %j is a bad request',
      async (tenantId) => {
        const { request } = await start({}, { globalAuthentication: true })
        expect(await answer(request('/projects', asUser({ sub: 'u1', tenant_id: tenantId })))).toEqual(
          badRequest,
        )
      },
    )
  })

  describe("a tenant known only to a controller's own guard", () => {
    test('is acted for in the handler', async () => {
      const { request } = await start({})
      const user = asUser({ sub: 'u1', tenant_id: fixture.globex.id })
      expect(await answer(request('/guarded', user))).toEqual({ status: 200, body: globexProjects })
      expect(await answer(request('/guarded'))).toEqual(unauthorised)
    })

    test('is not known to the guards after it, unless TenantGuard stands between', async () => {
      const { request } = await start({})
      const user = asUser({ sub: 'u1', tenant_id: fixture.globex.id })
      expect(await answer(request('/guarded-too-early', user))).toEqual(unauthorised)
      expect(await answer(request('/guarded-twice', user))).toEqual({ status: 200, body: globexProjects })
    })
  })

  describe('several resolvers', () => {
    test('the first choice would serve whatever a second one names', async () => {
      const { request } = await start(
        { resolve: (it) => header(it) ?? claim(it) },
        { globalAuthentication: true },
      )
      const stolen = {
        'x-user': JSON.stringify({ sub: 'u1', tenant_id: fixture.acme.id }),
        'x-tenant-id': fixture.globex.id,
      }
      expect(await answer(request('/projects', { headers: stolen }))).toEqual({
        status: 200,
        body: globexProjects,
      })
    })

    test.each([
      ['before the tenant is assigned', true, '/projects'],
      ["after another one's answer has been assigned", false, '/guarded'],
    ])('have to agree, %s', async (_when, globalAuthentication, path) => {
      const { request } = await start(
        { resolve: [tenantFromClaim('tenant_id'), header] },
        { globalAuthentication },
      )
      const headers = (token: string, other: string) => ({
        headers: { 'x-user': JSON.stringify({ sub: 'u1', tenant_id: token }), 'x-tenant-id': other },
      })
      const { acme, globex } = fixture
      expect(await answer(request(path, headers(acme.id, globex.id)))).toEqual(forbidden)
      expect(await answer(request(path, headers(acme.id, acme.id.toUpperCase())))).toEqual({
        status: 200,
        body: acmeProjects,
      })
      expect(await answer(request(path, { headers: { 'x-tenant-id': globex.id } }))).toEqual({
        status: 200,
        body: globexProjects,
      })
    })

    test('have to agree on settings, too', async () => {
      const { request } = await start(
        { resolve: [claim, () => ({ tenantId: fixture.acme.id, userId: 'somebody else' })] },
        { globalAuthentication: true },
      )
      expect(await answer(request('/projects', asUser({ sub: 'u1', tenant_id: fixture.acme.id })))).toEqual(
        forbidden,
      )
    })

    test('a path and a token', async () => {
      const { request } = await start(
        { resolve: [claim, tenantFromPath('tenantId')] },
        { globalAuthentication: true },
      )
      const user = asUser({ sub: 'u1', tenant_id: fixture.acme.id })
      const path = (id: string) => `/tenants/${encodeURIComponent(id)}/projects`
      expect(await answer(request(path(fixture.acme.id), user))).toEqual({ status: 200, body: acmeProjects })
      expect(await answer(request(path(fixture.globex.id), user))).toEqual(forbidden)
      expect(await answer(request(path("' or true --"), user))).toEqual(badRequest)
    })
  })

  describe('routes without a tenant', () => {
    test('@WithoutTenant sees what all tenants share, whoever asks', async () => {
      const { request } = await start({ resolve: header })
      const expected = { status: 200, body: { plans: 2, projects: 0 } }
      expect(await answer(request('/health'))).toEqual(expected)
      expect(await answer(request('/health', { headers: { 'x-tenant-id': fixture.acme.id } }))).toEqual(
        expected,
      )
      expect(await answer(request('/health', { headers: { 'x-tenant-id': 'no id' } }))).toEqual(expected)
    })

    test('@CurrentTenant there is refused', async () => {
      const { request } = await start({})
      expect(await answer(request('/nobody'))).toEqual(unauthorised)
    })

    test('a path that no route has is not found', async () => {
      const { request } = await start({})
      expect((await request('/no-such-route')).status).toBe(404)
    })

    test("controllers of others' packages are excluded by name", async () => {
      @Controller('metrics')
      class MetricsController {
        @Get()
        metrics(): string {
          return tenancy.current()?.kind ?? 'lost'
        }
      }
      const open = (exclude: TenancyModuleOptions['exclude']) =>
        startApplication(
          rootModule({
            imports: [TenancyModule.forRoot({ tenancy, resolve: [], ...(exclude && { exclude }) })],
            controllers: [MetricsController],
          }),
          adapter,
        )
      expect((await (await open(undefined)).request('/metrics')).status).toBe(401)
      expect(await answer((await open([MetricsController])).request('/metrics'))).toEqual({
        status: 200,
        body: 'none',
      })
    })
  })

  describe('@SystemAccess', () => {
    test('crosses tenants for those whom the guards let pass, and tells the audit', async () => {
      const events: SystemEvent[] = []
      const listener = (event: unknown) => void events.push(event as SystemEvent)
      subscribe('tenantry:system', listener)
      onTestFinished(() => void unsubscribe('tenantry:system', listener))
      scopesInOperatorGuard.length = 0
      const { request } = await start({})
      expect((await request('/usage', asUser({ sub: 'u1', tenant_id: fixture.acme.id }))).status).toBe(403)
      expect((await request('/usage')).status).toBe(403)
      expect(events).toEqual([])
      const [all] = await fixture.database.query<{ count: number }>('select count(*)::int from projects')
      expect(await answer(request('/usage', asUser({ sub: 'operator' })))).toEqual({
        status: 200,
        body: all?.count,
      })
      expect(events.map(({ reason }) => reason)).toEqual(['usage of all tenants'])
      // No guard has rights across tenants while it decides who may have them.
      expect(scopesInOperatorGuard).toEqual([undefined, undefined, undefined])
    })
  })

  test('400 requests of 50 tenants at once on three connections', async () => {
    const { request } = await start({}, { globalAuthentication: true })
    const sent = Array.from({ length: 8 }, () => fixture.all).flat()
    const answers = await Promise.all(
      sent.map(({ id }) => answer(request('/projects', asUser({ sub: 'u1', tenant_id: id })))),
    )
    expect(answers.map(({ body }) => body)).toEqual(
      sent.map(({ name }) => [`${name} app`, `${name} website`]),
    )
  })

  describe('forRootAsync', () => {
    @Injectable()
    class OptionsFactory implements TenancyOptionsFactory {
      createTenancyOptions(): TenancyModuleOptions {
        return { tenancy, resolve: header }
      }
    }
    const CONFIGURATION = Symbol('configuration')
    const configured = {
      global: true,
      module: class ConfigurationModule {
        readonly name = 'configuration'
      },
      providers: [{ provide: CONFIGURATION, useValue: 'x-tenant-id' }, OptionsFactory],
      exports: [CONFIGURATION, OptionsFactory],
    }

    test.each([
      ['useClass', { useClass: OptionsFactory }],
      ['useExisting', { imports: [configured], useExisting: OptionsFactory }],
      [
        'useFactory',
        {
          imports: [configured],
          inject: [CONFIGURATION],
          useFactory: async (name: string) => {
            const resolve = tenantFromHeader(name, { trustedProxy: true })
            return { tenancy, resolve }
          },
        },
      ],
    ])('takes its options from %s', async (_name, options) => {
      const { app, request } = await startApplication(
        rootModule({
          imports: [TenancyModule.forRootAsync(options)],
          controllers: [ProjectsController],
          providers: [poolProvider(() => fixture.pool), UsersGuard],
        }),
        adapter,
      )
      expect(app.get(TENANCY)).toBe(tenancy)
      expect(await answer(request('/projects', { headers: { 'x-tenant-id': fixture.acme.id } }))).toEqual({
        status: 200,
        body: acmeProjects,
      })
      expect(await answer(request('/projects'))).toEqual(unauthorised)
    })
  })

  test('a subdomain is looked up without a tenant', async () => {
    const { request } = await start({
      resolve: tenantFromSubdomain({
        baseDomain: 'example.com',
        trustedProxy: true,
        lookup: async (subdomain) => {
          // The application would read a table that everybody may read. That it reads at all is the point.
          const { rows } = await fixture.pool.query<{ known: boolean }>("select $1 = 'acme' as known", [
            subdomain,
          ])
          return rows[0]?.known === true ? fixture.acme.id : undefined
        },
      }),
    })
    const at = (host: string) => answer(request('/projects', { headers: { 'x-forwarded-host': host } }))
    expect(await at('acme.example.com')).toEqual({ status: 200, body: acmeProjects })
    expect(await at('globex.example.com')).toEqual(unauthorised)
  })
})

test.each([
  ['no tenancy', { resolve: header }],
  ['no resolver', { tenancy }],
  ['something else for a resolver', { tenancy, resolve: [header, 'x-tenant-id'] }],
])('%s is an error when the application starts', async (_name, options) => {
  await expect(
    startApplication(rootModule({ imports: [TenancyModule.forRoot(options as never)] }), 'Express'),
  ).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})
