import type { INestApplication, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { WsAdapter } from '@nestjs/platform-ws'
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'
import { TenantMismatchError } from '@tenantry/core'
import { setTimeout as delay } from 'node:timers/promises'
import { defer, mergeMap, startWith, Subject, type Observable } from 'rxjs'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { eventually } from './support/eventually.ts'
import { keepScope, type TenancyModuleOptions, type TenantResolver } from '../src/index.ts'
import { tenantWsAdapter, type TenantWsOptions } from '../src/websockets/index.ts'
import { rootModule } from './support/application.ts'
import { connections, PlacesGateway } from './support/gateway.ts'
import { placesOf, takePlaces } from './support/seeing.ts'
import { current, projectNames, projectsOf, tenancy, tenancyModule, useTenants } from './support/tenants.ts'
import { connect } from './support/ws-client.ts'

const fixture = useTenants()

@WebSocketGateway()
class ProjectsGateway {
  @SubscribeMessage('projects')
  async projects(@MessageBody() { wait }: { wait?: number }): Promise<unknown> {
    await delay(wait ?? 0)
    return { event: 'projects', data: await projectNames(fixture) }
  }
}

/** Somebody has changed something. */
const changes$ = new Subject<void>()

@WebSocketGateway()
class ChangesGateway {
  /** What one writes first. */
  @SubscribeMessage('watch naively')
  watchNaively(): Observable<unknown> {
    return this.#namesAfter(changes$)
  }

  @SubscribeMessage('watch')
  watch(): Observable<unknown> {
    return this.#namesAfter(changes$.pipe(keepScope(tenancy)))
  }

  #namesAfter(changes: Observable<void>): Observable<unknown> {
    return changes.pipe(
      mergeMap(async () => ({ event: 'changed', data: await projectNames(fixture) })),
      startWith({ event: 'watching', data: null }),
    )
  }
}

@WebSocketGateway()
class FailingGateway {
  @SubscribeMessage('foreign')
  foreign(): never {
    throw new TenantMismatchError(`not for ${fixture.globex.id}`)
  }

  @SubscribeMessage('foreign, later')
  foreignLater(): Observable<unknown> {
    return defer(async () => this.foreign())
  }
}

@WebSocketGateway()
class OtherGateway {
  handleConnection(): void {
    connections.push(`other connected ${current()}`)
  }

  @SubscribeMessage('status')
  status(): unknown {
    return { event: 'status', data: current() }
  }
}

interface Given {
  readonly options?: Partial<TenancyModuleOptions>
  readonly gateways?: readonly Type[]
  readonly adapter?: (app: INestApplication) => WsAdapter
  readonly messages?: TenantWsOptions
}

async function start({
  options,
  gateways = [PlacesGateway, ProjectsGateway, OtherGateway],
  messages,
  adapter = (app) => tenantWsAdapter(new WsAdapter(app), app, messages),
}: Given = {}): Promise<INestApplication> {
  const app = await NestFactory.create(
    rootModule({ imports: [tenancyModule(options)], providers: [...gateways] }),
    { logger: false, abortOnError: false },
  )
  onTestFinished(() => app.close())
  app.useWebSocketAdapter(adapter(app))
  await app.listen(0, '127.0.0.1')
  return app
}

/** What one thinks of first: the callback in `run`. */
class NaiveAdapter extends WsAdapter {
  override bindMessageHandlers(
    client: unknown,
    handlers: Parameters<WsAdapter['bindMessageHandlers']>[1],
    transform: Parameters<WsAdapter['bindMessageHandlers']>[2],
  ): void {
    const tenant: string = fixture.acme.id
    super.bindMessageHandlers(
      client,
      handlers.map((handler) => ({
        ...handler,
        // Awaited and handed over as one Observable, so that nothing of core's binding is left.
        callback: (...values: unknown[]) =>
          tenancy.run(tenant, () => ({ callback: handler.callback(...values) })).callback,
      })),
      transform,
    )
  }
}

beforeEach(() => {
  connections.length = 0
  takePlaces()
})

test('without the adapter messages have no scope, and with a mere run around the callback only their guards have one', async () => {
  const { acme } = fixture
  const plain = await connect(await start({ adapter: (app) => new WsAdapter(app) }), { 'x-tenant': acme.id })
  await plain.ask('places')
  expect(takePlaces()).toEqual(placesOf('lost').value)
  expect(connections).toContain('connected lost')

  const naive = await connect(await start({ adapter: (app) => new NaiveAdapter(app) }))
  await naive.ask('places')
  expect(takePlaces()).toMatchObject({ guard: acme.id, handler: 'lost', interceptorAfter: 'lost' })
})

test('every place on the way of a message has the scope of its connection', async () => {
  const { id } = fixture.acme
  const client = await connect(await start(), { 'x-tenant': id })
  await client.ask('places')
  expect(takePlaces()).toEqual(placesOf(id).value)
  await client.ask('observable')
  expect(takePlaces()).toEqual(placesOf(id).observable)
  expect((await client.ask('error')).event).toBe('filtered')
  expect(takePlaces()).toMatchObject({ filter: id })
})

test('fifty tenants that send at once each read their own projects', async () => {
  const app = await start()
  const clients = await Promise.all(
    fixture.all.map(async (tenant) => ({ tenant, client: await connect(app, { 'x-tenant': tenant.id }) })),
  )
  const frames = 6
  for (let index = 0; index < frames; index += 1) {
    for (const { client } of clients) client.send('projects', { wait: index % 2 })
  }
  for (const { tenant, client } of clients) {
    for (let index = 0; index < frames; index += 1) {
      expect((await client.next()).data).toEqual(projectsOf(tenant))
    }
  }
})

describe("a handler's Observable of what others publish", () => {
  test('reads as the publisher, and so sends one tenant the rows of another', async () => {
    const { acme, globex } = fixture
    const client = await connect(await start({ gateways: [ChangesGateway] }), { 'x-tenant': acme.id })
    expect((await client.ask('watch naively')).event).toBe('watching')
    tenancy.run(globex.id, () => changes$.next())
    expect((await client.next()).data).toEqual(projectsOf(globex))
  })

  test('reads as its subscriber after keepScope, for each of several', async () => {
    const { acme, globex, all } = fixture
    const app = await start({ gateways: [ChangesGateway] })
    const clients = await Promise.all(
      [acme, globex].map(async (tenant) => ({
        tenant,
        client: await connect(app, { 'x-tenant': tenant.id }),
      })),
    )
    for (const { client } of clients) expect((await client.ask('watch')).event).toBe('watching')
    for (const publisher of [globex, acme, all[7]!]) {
      tenancy.run(publisher.id, () => changes$.next())
      for (const { tenant, client } of clients) {
        expect((await client.next()).data).toEqual(projectsOf(tenant))
      }
    }
  })
})

describe('a message of nobody knows which tenant', () => {
  test('is answered with an exception and reaches no handler', async () => {
    const app = await start()
    const client = await connect(app)
    expect(await client.ask('places')).toEqual({
      event: 'exception',
      data: { status: 'error', message: 'Unauthorized' },
    })
    expect(takePlaces()).toEqual({})
    const confused = await connect(app, { 'x-tenant': "'; drop table projects; --" })
    expect((await confused.ask('projects')).data).toEqual({ status: 'error', message: 'Bad Request' })
  })

  test('is answered so by a tenant that the connected user is no member of, and by a resolver that fails', async () => {
    const { acme, globex } = fixture
    const app = await start({ options: { membership: ({ tenantId }) => tenantId === acme.id } })
    const client = await connect(app, { 'x-tenant': globex.id })
    expect((await client.ask('projects')).data).toEqual({ status: 'error', message: 'Forbidden' })
    const member = await connect(app, { 'x-tenant': acme.id })
    expect((await member.ask('projects')).data).toEqual(projectsOf(acme))

    const broken = await connect(
      await start({
        options: {
          resolve: () => {
            throw new Error(`connection to ${acme.id} failed`)
          },
        },
      }),
    )
    expect((await broken.ask('projects')).data).toEqual({ status: 'error', message: 'Internal server error' })
  })

  test('is let through where it is for no tenant', async () => {
    const client = await connect(await start({ messages: { withoutTenant: ['status'] } }))
    expect(await client.ask('status')).toEqual({ event: 'status', data: 'none' })
    expect((await client.ask('projects')).event).toBe('exception')
  })
})

test.each(['foreign', 'foreign, later'])(
  'an error of Tenantry in a handler says nothing to the client, and its connection goes on: %s',
  async (event) => {
    const { acme, globex } = fixture
    const app = await start({ gateways: [FailingGateway, ProjectsGateway] })
    const client = await connect(app, { 'x-tenant': acme.id })
    client.send(event)
    client.send('projects')
    const frames = [await client.next()]
    // Nest 10 emits its exceptions on the socket of ws itself, where no client hears of them.
    if (frames[0]?.event === 'exception') frames.push(await client.next())
    expect(JSON.stringify(frames)).not.toContain(globex.id)
    expect(frames.at(-1)?.data).toEqual(projectsOf(acme))
  },
)

/** An application that knows only later that everybody is of acme. */
async function startSlowly(): Promise<{ app: INestApplication; known: () => void }> {
  let known = (): void => {}
  const asked = new Promise<void>((resolve) => (known = resolve))
  const resolve: TenantResolver = async () => {
    await asked
    return fixture.acme.id
  }
  return { app: await start({ options: { resolve } }), known }
}

describe('a connection', () => {
  test('is opened and closed in its own scope, whoever sent the last message', async () => {
    const { acme, globex } = fixture
    const app = await start()
    const first = await connect(app, { 'x-tenant': acme.id })
    const second = await connect(app, { 'x-tenant': globex.id })
    await first.ask('places')
    await second.ask('places')
    await first.close()
    const third = await connect(app)
    await third.ask('places')
    await third.close()
    await eventually(() =>
      expect(connections.filter((each) => !each.startsWith('other'))).toEqual([
        `connected ${acme.id}`,
        `connected ${globex.id}`,
        `disconnected ${acme.id}`,
        'connected lost',
        'disconnected lost',
      ]),
    )
  })

  test('is announced once to every gateway, however many wait for their tenants', async () => {
    const { all } = fixture
    const app = await start({
      options: {
        resolve: async ({ headers }) => {
          await delay(Math.random() * 30)
          return headers['x-tenant'] as string
        },
      },
    })
    await Promise.all(all.map(async ({ id }) => (await connect(app, { 'x-tenant': id })).ask('places')))
    expect(connections.toSorted()).toEqual(
      all.flatMap(({ id }) => [`connected ${id}`, `other connected ${id}`]).toSorted(),
    )
  })

  test('loses no message that arrives before its tenant is known', async () => {
    const { acme } = fixture
    const { app, known } = await startSlowly()
    const client = await connect(app, {}, [
      { event: 'projects', data: {} },
      { event: 'status', data: {} },
    ])
    await delay(50)
    known()
    const events = [await client.next(), await client.next()]
    expect(events.map(({ data }) => data)).toContainEqual(projectsOf(acme))
    expect(events.map(({ data }) => data)).toContainEqual(acme.id)
  })

  test('that is gone before its tenant is known leaves nobody waiting for its end', async () => {
    const { app, known } = await startSlowly()
    const client = await connect(app)
    void client.close()
    await delay(50)
    known()
    const after = await connect(app)
    await after.ask('places')
    // Paused, a socket of ws hears of its end only once it may go on.
    await eventually(() =>
      expect(connections.filter((each) => each.startsWith('connected')).length).toBe(
        connections.filter((each) => each.startsWith('disconnected')).length + 1,
      ),
    )
  })

  test('is asked about once, with the socket and the request of the handshake', async () => {
    const { acme } = fixture
    const resolve = vi.fn<TenantResolver>(() => acme.id)
    const client = await connect(await start({ options: { resolve } }), { cookie: 'a=b' })
    await client.ask('projects')
    await client.ask('projects')
    expect(resolve).toHaveBeenCalledOnce()
    expect(resolve).toHaveBeenCalledWith(
      expect.objectContaining({ kind: 'ws', headers: expect.objectContaining({ cookie: 'a=b' }) }),
    )
  })
})

describe('messages that say themselves for which tenant they are', () => {
  const messages: TenantWsOptions = {
    messageTenant: ({ data }) => (data as { tenant?: string }).tenant,
  }

  test('act for it, each for its own over one connection', async () => {
    const { acme, globex } = fixture
    const client = await connect(await start({ messages }))
    expect((await client.ask('projects', { tenant: acme.id })).data).toEqual(projectsOf(acme))
    expect((await client.ask('projects', { tenant: globex.id })).data).toEqual(projectsOf(globex))
    expect((await client.ask('projects')).data).toEqual({ status: 'error', message: 'Unauthorized' })
  })

  test('are refused over the connection of another tenant', async () => {
    const { acme, globex } = fixture
    const client = await connect(await start({ messages }), { 'x-tenant': acme.id })
    expect((await client.ask('projects', { tenant: globex.id })).data).toEqual({
      status: 'error',
      message: 'Forbidden',
    })
    expect((await client.ask('projects', { tenant: acme.id.toUpperCase() })).data).toEqual(projectsOf(acme))
  })

  test('are refused where the connection was, for another reason than that nobody knew', async () => {
    const { acme } = fixture
    const app = await start({ messages, options: { membership: () => false } })
    const client = await connect(app, { 'x-tenant': acme.id })
    expect((await client.ask('projects', { tenant: acme.id })).data).toEqual({
      status: 'error',
      message: 'Forbidden',
    })
  })
})
