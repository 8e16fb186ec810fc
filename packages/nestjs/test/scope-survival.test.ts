import {
  Controller,
  Get,
  Module,
  RequestMethod,
  VersioningType,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type ModuleMetadata,
  type NestInterceptor,
} from '@nestjs/common'
import { APP_INTERCEPTOR } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { AsyncResource } from 'node:async_hooks'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { TenancyModule, tenantFromHeader, WithoutTenant } from '../src/index.ts'
import {
  adapters,
  rootModule,
  startApplication,
  type AdapterName,
  type RunningApplication,
} from './support/application.ts'
import { nestRelease } from './support/release.ts'
import { placesOf, PlacesController, postSlowly, tenancy } from './support/places.ts'

@Controller()
class EchoController {
  @Get('tenant')
  async tenant(): Promise<string> {
    const before = tenancy.tenantId()
    await delay(Math.random() * 5)
    return `${before} ${tenancy.tenantId()}`
  }

  @WithoutTenant()
  @Get('none')
  none(): string {
    return tenancy.current()?.kind ?? 'lost'
  }
}

const headers = { 'x-tenant': 'acme', 'x-version': '2' }
const resolve = tenantFromHeader('x-tenant', { trustedProxy: true })

/** With a parser that leaves binary bodies to the handler, as Express does. */
async function leaveBinaryBodies(app: INestApplication, adapter: AdapterName): Promise<void> {
  if (adapter === 'Fastify') {
    const fastify = app.getHttpAdapter().getInstance() as FastifyInstance
    fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => {
      done(null, payload)
    })
  }
}

async function placesOfEverything(
  application: RunningApplication,
  adapter: AdapterName,
): Promise<Record<string, Record<string, string>>> {
  const get = (path: string) =>
    placesOf(async () => (await application.request(`/places/${path}`, { headers })).text())
  const form = new FormData()
  form.set('file', new Blob(['x'.repeat(100_000)]), 'x.txt')
  return {
    value: await get('value/1'),
    observable: await get('observable'),
    events: await get('events'),
    file: await get('file'),
    error: await get('error'),
    body: await placesOf(() => postSlowly(application, '/places/body', 'acme')),
    json: await placesOf(() =>
      application.request('/places/json', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify('x'.repeat(50_000).split('')),
      }),
    ),
    ...(adapter === 'Express' && {
      upload: await placesOf(() =>
        application.request('/places/upload', { method: 'POST', headers, body: form }),
      ),
    }),
  }
}

/** The places that did not act for the tenant, of every request that was sent. */
function wrongPlaces(places: Record<string, Record<string, string>>): string[] {
  return Object.entries(places).flatMap(([request, ofRequest]) =>
    Object.entries(ofRequest)
      .filter(([, tenant]) => tenant !== 'acme')
      .map(([place]) => `${request}: ${place}`),
  )
}

describe.each(adapters)('on %s', (adapter) => {
  test('an interceptor that runs the handler for the tenant loses it in guards, filters, streams and Observables', async () => {
    class RunningInterceptor implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>()
        let result: ReturnType<CallHandler['handle']> | undefined
        // What people write: the Observable is made within the scope, and subscribed to outside of it.
        tenancy.run(String(request.headers['x-tenant']), () => {
          result = next.handle()
        })
        return result as ReturnType<CallHandler['handle']>
      }
    }
    const application = await startApplication(
      rootModule({
        controllers: [PlacesController],
        providers: [{ provide: APP_INTERCEPTOR, useClass: RunningInterceptor }],
      }),
      adapter,
      (app) => leaveBinaryBodies(app, adapter),
    )
    expect(wrongPlaces(await placesOfEverything(application, adapter))).toEqual(
      expect.arrayContaining([
        'value: guard',
        'value: finish of the response',
        'observable: observable',
        'events: event 0',
        'file: stream, first read',
        'error: filter',
        'body: data of the body',
      ]),
    )
  })

  test('every place of a request acts for its tenant', async () => {
    const application = await startApplication(
      rootModule({
        imports: [TenancyModule.forRoot({ tenancy, resolve })],
        controllers: [PlacesController],
      }),
      adapter,
      (app) => leaveBinaryBodies(app, adapter),
    )
    const places = await placesOfEverything(application, adapter)
    expect(wrongPlaces(places)).toEqual([])
  })

  test('a hand-attached listener loses the tenant unless the request is bound', async () => {
    class UnboundMiddlewareModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer
          .apply((_request: unknown, _response: unknown, next: () => void) => tenancy.run('acme', next))
          .forRoutes('*')
      }
    }
    Module({})(UnboundMiddlewareModule)
    const application = await startApplication(
      rootModule({ imports: [UnboundMiddlewareModule], controllers: [PlacesController] }),
      adapter,
      (app) => leaveBinaryBodies(app, adapter),
    )
    const places = await placesOf(() => postSlowly(application, '/places/body', 'acme'))
    expect(wrongPlaces({ places })).toContain('places: data of the body')
  })

  describe.each([
    ['no prefix', () => {}, '/places/value/1', '/'],
    [
      'a global prefix',
      (app: INestApplication) => void app.setGlobalPrefix('api'),
      '/api/places/value/1',
      '/api',
    ],
    [
      'a route excluded from the prefix',
      (app: INestApplication) =>
        void app.setGlobalPrefix('api', {
          exclude: [
            { path: 'places/value/:id', method: RequestMethod.GET },
            { path: '/', method: RequestMethod.GET },
          ],
        }),
      '/places/value/1',
      '/',
    ],
    [
      'versions in the path',
      (app: INestApplication) => void app.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' }),
      '/v2/places/value/1',
      '/v2',
    ],
    [
      'a prefix and versions',
      (app: INestApplication) =>
        void app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '2' }),
      '/api/v2/places/value/1',
      '/api/v2',
    ],
    [
      'versions in a header',
      (app: INestApplication) =>
        void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '2' }),
      '/places/value/1',
      '/',
    ],
  ])('with %s', (_name, configure, path, root) => {
    @Controller()
    class RootController {
      @Get()
      root(): string {
        return tenancy.tenantId()
      }
    }

    test('routes act for the tenant, the root path among them', async () => {
      const application = await startApplication(
        rootModule({
          imports: [TenancyModule.forRoot({ tenancy, resolve })],
          controllers: [PlacesController, RootController],
        }),
        adapter,
        configure,
      )
      const places = await placesOf(async () => {
        const response = await application.request(path, { headers })
        expect(response.status).toBe(200)
      })
      expect(wrongPlaces({ places })).toEqual([])
      expect(Object.keys(places)).toContain('finish of the response')
      expect(await (await application.request(root, { headers })).text()).toBe('acme')
      expect(await (await application.request(`${root}?page=2`, { headers })).text()).toBe('acme')
    })
  })

  test("other modules' middleware is in the request's scope, if the module comes first", async () => {
    const later: (() => string | undefined)[] = []
    class OtherModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer
          .apply((_request: unknown, _response: unknown, next: () => void) => {
            // No tenant is known yet. What the middleware starts acts for it all the same, later.
            expect(tenancy.current()).toBeUndefined()
            later.push(AsyncResource.bind(() => tenancy.current()?.values['tenantId']))
            next()
          })
          .forRoutes('*')
      }
    }
    Module({})(OtherModule)
    const own = TenancyModule.forRoot({ tenancy, resolve })
    const seenWith = async (imports: NonNullable<ModuleMetadata['imports']>) => {
      const { request } = await startApplication(
        rootModule({ imports, controllers: [PlacesController] }),
        adapter,
      )
      expect((await request('/places/value/1', { headers })).status).toBe(200)
      return later.pop()?.()
    }
    expect(await seenWith([own, OtherModule])).toBe('acme')
    // Nest 10 has no order of its own for global modules.
    expect(await seenWith([OtherModule, own])).toBe(nestRelease === 10 ? undefined : 'acme')
  })

  test('requests that share a connection, sent before the answer to the one before', async () => {
    const application = await startApplication(
      rootModule({ imports: [TenancyModule.forRoot({ tenancy, resolve })], controllers: [EchoController] }),
      adapter,
    )
    const tenants = Array.from({ length: 30 }, (_, index) => `t${index}`)
    const socket = connect(Number(new URL(await application.app.getUrl()).port), '127.0.0.1')
    for (const tenant of tenants) {
      const last = tenant === tenants.at(-1) ? 'Connection: close\r\n' : ''
      socket.write(`GET /tenant HTTP/1.1\r\nHost: a\r\nX-Tenant: ${tenant}\r\n${last}\r\n`)
    }
    const text = (await socket.setEncoding('utf8').toArray()).join('')
    expect(text.match(/t\d+ t\d+/g)).toEqual(tenants.map((tenant) => `${tenant} ${tenant}`))
  })

  test('requests of many tenants at once never see one another', async () => {
    const application = await startApplication(
      rootModule({ imports: [TenancyModule.forRoot({ tenancy, resolve })], controllers: [EchoController] }),
      adapter,
    )
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const path = index % 5 === 0 ? '/none' : '/tenant'
        const response = await application.request(path, { headers: { 'x-tenant': `t${index}` } })
        return response.text()
      }),
    )
    expect(answers).toEqual(
      Array.from({ length: 200 }, (_, index) => (index % 5 === 0 ? 'none' : `t${index} t${index}`)),
    )
  })
})
