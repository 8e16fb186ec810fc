import { Catch, Controller, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common'
import type { ArgumentsHost, ExceptionFilter, INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  ServerTCP,
  Transport,
  type ClientProxy,
} from '@nestjs/microservices'
import { TenantMismatchError, TenantryError } from '@tenantry/core'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { defer, firstValueFrom, lastValueFrom, mergeMap, throwError, toArray, type Observable } from 'rxjs'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { eventually } from './support/eventually.ts'
import { tenantClient, tenantStrategy, type TenantStrategyOptions } from '../src/microservices/index.ts'
import { rootModule } from './support/application.ts'
import { placesOf, see, SeeingGuard, SeeingInterceptor, SeeingPipe, takePlaces } from './support/seeing.ts'
import { current, projectNames, projectsOf, tenancy, tenancyModule, useTenants } from './support/tenants.ts'

const fixture = useTenants()

const events: string[] = []

@Catch(RpcException)
class SeeingFilter implements ExceptionFilter {
  catch(exception: RpcException, _host: ArgumentsHost): Observable<never> {
    see('filter')
    return throwError(() => exception.getError())
  }
}

@Controller()
@UseGuards(SeeingGuard)
@UseInterceptors(SeeingInterceptor)
@UseFilters(SeeingFilter)
class ProjectsController {
  @MessagePattern('places')
  async places(@Payload(SeeingPipe) data: unknown): Promise<unknown> {
    see('handler')
    await nextTurn()
    see('handlerLater')
    return data
  }

  @MessagePattern('observable')
  observable(): Observable<number> {
    return defer(async () => {
      see('observable')
      await nextTurn()
      return [1, 2]
    }).pipe(
      mergeMap((values) => {
        see('operator')
        return values
      }),
    )
  }

  @MessagePattern({ cmd: 'projects' })
  async projects(@Payload() data?: { wait?: number }): Promise<string[]> {
    await delay(data?.wait ?? 0)
    return projectNames(fixture)
  }

  @MessagePattern('error')
  error(): never {
    throw new RpcException('no')
  }

  @MessagePattern('foreign')
  foreign(): never {
    throw new TenantMismatchError(`not for ${fixture.globex.id}`)
  }

  @MessagePattern('foreign, later')
  foreignLater(): Observable<string> {
    return defer(async () => this.foreign())
  }

  @MessagePattern('health')
  health(): string {
    return current()
  }

  @EventPattern('created')
  async created(@Payload() data: unknown): Promise<void> {
    await nextTurn()
    events.push(`created ${current()} ${JSON.stringify(data)}`)
  }
}

@Controller()
class AuditController {
  @EventPattern('created')
  async created(@Payload() data: unknown): Promise<void> {
    await nextTurn()
    events.push(`audited ${current()} ${JSON.stringify(data)}`)
  }
}

@Controller()
class ThirdController {
  @EventPattern('created')
  async created(@Payload() data: unknown): Promise<void> {
    await nextTurn()
    events.push(`third ${current()} ${JSON.stringify(data)}`)
  }
}

/** Servers that take any free port, and say which. */
class FreePortServer extends ServerTCP {
  constructor() {
    super({ host: '127.0.0.1' })
    // Nest 10 takes a 0 among the options for none at all.
    Object.assign(this, { port: 0 })
  }

  get boundPort(): number {
    const { server } = this as unknown as { server: { address(): { port: number } } }
    return server.address().port
  }
}

async function start(
  strategy: FreePortServer,
  controllers = [ProjectsController],
): Promise<{ app: INestMicroservice; client: ClientProxy }> {
  const app = await NestFactory.createMicroservice(rootModule({ imports: [tenancyModule()], controllers }), {
    strategy,
    logger: false,
    abortOnError: false,
  })
  await app.listen()
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { port: strategy.boundPort, host: '127.0.0.1' },
  })
  onTestFinished(async () => {
    await client.close()
    await app.close()
  })
  return { app, client }
}

function startScoped(
  options: Partial<TenantStrategyOptions> = {},
  controllers?: (typeof ProjectsController)[],
): ReturnType<typeof start> {
  return start(tenantStrategy(new FreePortServer(), { tenancy, ...options }), controllers)
}

/** What one thinks of first: the handler in `run`, which returns a cold Observable. */
class NaiveServer extends FreePortServer {
  override addHandler(
    pattern: unknown,
    callback: Parameters<ServerTCP['addHandler']>[1],
    ...others: [boolean?, Record<string, unknown>?]
  ): void {
    const inRun = (...values: Parameters<typeof callback>) =>
      tenancy.run(fixture.acme.id, () => ({ result: callback(...values) })).result
    super.addHandler(pattern, inRun as typeof callback, ...others)
  }
}

beforeEach(() => {
  takePlaces()
  events.length = 0
})

test('without the strategy messages have no scope, and with a mere run around the handler only their guards have one', async () => {
  const plain = await start(new FreePortServer())
  await firstValueFrom(plain.client.send('places', {}))
  expect(takePlaces()).toEqual(placesOf('lost').value)

  const naive = await start(new NaiveServer())
  await firstValueFrom(naive.client.send('places', {}))
  expect(takePlaces()).toMatchObject({ guard: fixture.acme.id, handler: 'lost', interceptorAfter: 'lost' })
})

test('every place on the way of a message has the scope of its tenant', async () => {
  const { id } = fixture.acme
  const { client } = await startScoped()
  const ours = tenantClient(client, tenancy)

  const message = await tenancy.run(id, () => firstValueFrom(ours.send('places', { hello: 'world' })))
  expect(message).toEqual({ hello: 'world' })
  expect(takePlaces()).toEqual(placesOf(id).value)

  const values = await tenancy.run(id, () => lastValueFrom(ours.send('observable', {}).pipe(toArray())))
  expect(values).toEqual([1, 2])
  expect(takePlaces()).toEqual(placesOf(id).observable)

  await expect(tenancy.run(id, () => firstValueFrom(ours.send('error', {})))).rejects.toBe('no')
  expect(takePlaces()).toMatchObject({ filter: id })
})

test('fifty tenants that send at once over one client each get their own projects', async () => {
  const { client } = await startScoped()
  const ours = tenantClient(client, tenancy)
  const sent = Array.from({ length: 6 }, () => fixture.all).flat()
  const answers = await Promise.all(
    sent.map((tenant, index) =>
      tenancy.run(tenant.id, () => firstValueFrom(ours.send({ cmd: 'projects' }, { wait: index % 3 }))),
    ),
  )
  expect(answers).toEqual(sent.map(projectsOf))
})

test('the client sends whom it was asked for, not who subscribes, and with every setting', async () => {
  const { acme, globex } = fixture
  const { client } = await startScoped()
  const ours = tenantClient(client, tenancy)
  const cold = tenancy.run(acme.id, () => [ours.send({ cmd: 'projects' }, {})])
  expect(await tenancy.run(globex.id, () => firstValueFrom(cold[0]!))).toEqual(projectsOf(acme))

  const seen = vi.fn<(values: unknown) => void>()
  const server = tenantStrategy(new FreePortServer(), { tenancy })
  server.addHandler('who', async () => seen(tenancy.current()?.values))
  const direct = server.getHandlerByPattern('who')!
  const sender = tenantClient({ send: (_, data) => data as never, emit: (_, data) => data as never }, tenancy)
  const userId = acme.userId
  await direct(tenancy.run({ tenantId: acme.id, userId }, () => [sender.send('who', 1)])[0])
  expect(seen).toHaveBeenCalledWith({ tenantId: acme.id, userId })
})

test('the client sends nothing without a tenant', async () => {
  const { client } = await startScoped()
  const ours = tenantClient(client, tenancy)
  expect(() => ours.send('places', {})).toThrow(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
  expect(() => tenancy.asSystem('test', () => ours.emit('created', {}))).toThrow(TenantryError)
})

describe('a message of nobody knows which tenant', () => {
  test('is answered with an error and reaches no guard', async () => {
    const { client } = await startScoped()
    await expect(firstValueFrom(client.send('places', {}))).rejects.toEqual({
      status: 'error',
      message: 'Unauthorized',
    })
    expect(takePlaces()).toEqual({})
  })

  test.each([
    ['no tenant id', { tenantId: "' or true --" }],
    ['no settings', {}],
    ['a list', ['a']],
    ['a text', 'acme'],
    ['nothing', null],
    ['a setting that is none', { tenantId: '0a7c1e52-6f3b-4d18-9c40-2b8e5f1d7a01', role: 'postgres' }],
  ])('is refused with an envelope of %s', async (_, tenant) => {
    const { client } = await startScoped()
    await expect(
      firstValueFrom(client.send('places', { 'tenantry:tenant': tenant, data: {} })),
    ).rejects.toMatchObject({ status: 'error' })
    expect(takePlaces()).toEqual({})
  })

  test('is let through where it is for no tenant', async () => {
    const { client } = await startScoped({ withoutTenant: ['health'] })
    expect(await firstValueFrom(client.send('health', {}))).toBe('none')
  })

  test('and is an event is dropped, for a queue would send it again; but not for a fault that may pass', async () => {
    const { id } = fixture.acme
    const { client } = await startScoped()
    await firstValueFrom(client.emit('created', { id: 1 }), { defaultValue: undefined })
    const ours = tenantClient(client, tenancy)
    expect(await tenancy.run(id, () => firstValueFrom(ours.send('health', {})))).toBe(id)
    expect(events).toEqual([])

    const faults: Error[] = []
    const server = tenantStrategy(new FreePortServer(), {
      tenancy,
      tenant: () => {
        if (faults[0] !== undefined) throw faults[0]
        return undefined
      },
    })
    const handler = vi.fn<() => Promise<void>>(async () => {})
    server.addHandler('created', handler, true)
    const handle = server.getHandlerByPattern('created')!
    expect(await handle({})).toBeUndefined()
    faults.push(new Error('the key server is down'))
    const answer = (await handle({})) as Observable<unknown>
    await expect(firstValueFrom(answer)).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    })
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('a function that says the tenant', () => {
  test('gets the pattern, the data and the context, and runs without a tenant', async () => {
    const { acme } = fixture
    const tenant = vi.fn<NonNullable<TenantStrategyOptions['tenant']>>(async () => {
      expect(current()).toBe('none')
      return acme.id
    })
    const { client } = await startScoped({ tenant })
    expect(await firstValueFrom(client.send({ cmd: 'projects' }, { a: 1 }))).toEqual(projectsOf(acme))
    expect(tenant).toHaveBeenCalledWith({
      pattern: '{"cmd":"projects"}',
      data: { a: 1 },
      context: expect.objectContaining({ getPattern: expect.any(Function) }),
    })
  })

  test('is what counts, whatever an envelope says, and what it throws refuses the message', async () => {
    const { acme, globex } = fixture
    const { client } = await startScoped({ tenant: () => acme.id })
    const ours = tenantClient(client, tenancy)
    expect(await tenancy.run(globex.id, () => firstValueFrom(ours.send({ cmd: 'projects' }, {})))).toEqual(
      projectsOf(acme),
    )

    const broken = await startScoped({
      tenant: () => {
        throw new Error('the secret of the token service')
      },
    })
    await expect(firstValueFrom(broken.client.send('places', {}))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    })
  })
})

test('all handlers of one event get its data, once, in its scope', async () => {
  const { id } = fixture.acme
  const plain = await start(new FreePortServer(), [
    ProjectsController,
    AuditController,
    ThirdController,
  ] as never)
  await firstValueFrom(plain.client.emit('created', 1), { defaultValue: undefined })
  await eventually(() => expect(events).toHaveLength(3))
  events.length = 0

  const { client } = await startScoped({}, [ProjectsController, AuditController, ThirdController] as never)
  const ours = tenantClient(client, tenancy)
  await tenancy.run(id, () => firstValueFrom(ours.emit('created', { id: 1 }), { defaultValue: undefined }))
  await eventually(() => expect(events).toHaveLength(3))
  expect(events.toSorted()).toEqual(['audited', 'created', 'third'].map((each) => `${each} ${id} {"id":1}`))
})

test.each(['foreign', 'foreign, later'])(
  'an error of Tenantry in a handler says nothing to the client, and the server goes on: %s',
  async (pattern) => {
    const { id } = fixture.acme
    const { client } = await startScoped()
    const ours = tenantClient(client, tenancy)
    const error: unknown = await tenancy
      .run(id, () => firstValueFrom(ours.send(pattern, {})))
      .catch((thrown: unknown) => thrown)
    expect(error).toEqual({ status: 'error', message: 'Forbidden' })
    expect(await tenancy.run(id, () => firstValueFrom(ours.send('health', {})))).toBe(id)
  },
)
