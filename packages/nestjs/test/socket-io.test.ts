import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { tenantFromBearer } from './support/bearer.ts'
import { tenantWsAdapter } from '../src/websockets/index.ts'
import { rootModule } from './support/application.ts'
import { connections, PlacesGateway } from './support/gateway.ts'
import { nestRelease } from './support/release.ts'
import { placesOf, takePlaces } from './support/seeing.ts'
import { current, projectNames, projectsOf, tenancyModule, useTenants } from './support/tenants.ts'

const fixture = useTenants()

@WebSocketGateway()
class ProjectsGateway {
  @SubscribeMessage('projects')
  async projects(@MessageBody() { wait }: { wait?: number }): Promise<string[]> {
    await delay(wait ?? 0)
    return projectNames(fixture)
  }
}

@WebSocketGateway({ namespace: 'audit' })
class AuditGateway {
  handleConnection(): void {
    connections.push(`audit connected ${current()}`)
  }

  @SubscribeMessage('who')
  who(): string {
    return current()
  }
}

// @nestjs/platform-socket.io is installed for the newest release alone.
describe.skipIf(nestRelease < 12)('socket.io', async () => {
  if (nestRelease < 12) return
  const { connectSocket, IoAdapter, nextEvent } = await import('./support/socket-io.ts')

  async function start(
    adapter = (app: INestApplication) => tenantWsAdapter(new IoAdapter(app), app),
  ): Promise<INestApplication> {
    const app = await NestFactory.create(
      rootModule({
        imports: [tenancyModule({ resolve: tenantFromBearer })],
        providers: [PlacesGateway, ProjectsGateway, AuditGateway],
      }),
      { logger: false, abortOnError: false },
    )
    onTestFinished(() => app.close())
    app.useWebSocketAdapter(adapter(app))
    await app.listen(0, '127.0.0.1')
    return app
  }

  beforeEach(() => {
    connections.length = 0
    takePlaces()
  })

  test('without the adapter messages have no scope', async () => {
    const client = await connectSocket(await start((app) => new IoAdapter(app)), { token: fixture.acme.id })
    client.emit('places', {})
    await nextEvent(client, 'places')
    expect(takePlaces()).toEqual(placesOf('lost').value)
  })

  test('every place on the way of a message has the scope of its connection', async () => {
    const { id } = fixture.acme
    const client = await connectSocket(await start(), { token: id })
    client.emit('places', {})
    await nextEvent(client, 'places')
    expect(takePlaces()).toEqual(placesOf(id).value)
    client.emit('observable', {})
    await nextEvent(client, 'observable')
    expect(takePlaces()).toEqual(placesOf(id).observable)
    client.emit('error', {})
    await nextEvent(client, 'filtered')
    expect(takePlaces()).toMatchObject({ filter: id })
  })

  test('fifty tenants that send at once, the moment they are connected, each read their own projects', async () => {
    const app = await start()
    const answers = await Promise.all(
      fixture.all.map(async ({ id }) => {
        const client = await connectSocket(app, { token: id })
        return Promise.all([0, 1, 2, 1].map((wait) => client.emitWithAck('projects', { wait })))
      }),
    )
    expect(answers).toEqual(fixture.all.map((tenant) => Array.from({ length: 4 }, () => projectsOf(tenant))))
  })

  test('a message of nobody knows which tenant is answered with an exception and reaches no handler', async () => {
    const client = await connectSocket(await start())
    client.emit('places', {})
    expect(await nextEvent(client, 'exception')).toEqual({ status: 'error', message: 'Unauthorized' })
    expect(takePlaces()).toEqual({})
  })

  test('connections are opened and closed in their own scopes, in namespaces too', async () => {
    const { acme, globex } = fixture
    const app = await start()
    const first = await connectSocket(app, { token: acme.id })
    const second = await connectSocket(app, { token: globex.id }, '/audit')
    expect(await second.emitWithAck('who', {})).toBe(globex.id)
    await first.emitWithAck('projects', {})
    first.disconnect()
    await eventually(() =>
      expect(connections.toSorted()).toEqual(
        [`audit connected ${globex.id}`, `connected ${acme.id}`, `disconnected ${acme.id}`].toSorted(),
      ),
    )
  })
})
