import type { MiddlewareConsumer } from '@nestjs/common'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from './support/eventually.ts'
import type { WebSocket } from 'ws'
import { tenantSubscriptions, type TenantSubscriptions } from '../src/graphql/index.ts'
import { tenantTopic, type TenancyModuleOptions } from '../src/index.ts'
import { tenantFromBearer } from './support/bearer.ts'
import { nestRelease } from './support/release.ts'
import { projectsOf, tenancy, tenancyModule, useTenants } from './support/tenants.ts'

const fixture = useTenants()

// The releases of @nestjs/graphql for Nest 10 and 11 need other releases of Apollo Server, which are not installed.
describe.skipIf(nestRelease < 12)('GraphQL on Apollo', async () => {
  if (nestRelease < 12) return
  const { answersTo, places, pubSub, startGraphql, subscriber } = await import('./support/graphql-app.ts')

  const options: TenancyModuleOptions = {
    tenancy,
    resolve: [({ headers }) => headers['x-tenant'] as string | undefined, tenantFromBearer],
  }

  const start = (scoped = true, given: Partial<TenancyModuleOptions> = {}) =>
    startGraphql(
      fixture,
      tenancyModule({ ...options, ...given }),
      scoped ? tenantSubscriptions({ ...options, ...given }) : true,
    )

  /** Waits until somebody listens, for what is published before is lost. */
  async function publish(tenant: string, topic: (name: string) => string, name: string): Promise<void> {
    await tenancy.run(tenant, () => pubSub.publish(topic('projectAdded'), { projectAdded: { name } }))
  }

  beforeEach(() => {
    places.length = 0
  })

  test('queries and their fields act for the tenant of the request', async () => {
    const url = await start()
    const answers = await Promise.all(
      fixture.all.map(async ({ id }) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-tenant': id },
          body: JSON.stringify({ query: '{ projects { name scope } }' }),
        })
        return response.json()
      }),
    )
    expect(answers).toEqual(
      fixture.all.map((tenant) => ({
        data: { projects: projectsOf(tenant).map((name) => ({ name, scope: tenant.id })) },
      })),
    )
  })

  test("a middleware's scope reaches queries, and nothing of a subscription", async () => {
    const { acme } = fixture
    class MiddlewareModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer
          .apply((request: { headers: Record<string, string> }, _response: unknown, next: () => void) =>
            tenancy.run(String(request.headers['x-tenant']), next),
          )
          .forRoutes('graphql')
      }
    }
    const url = await startGraphql(fixture, { module: MiddlewareModule }, true)
    const client = subscriber(url, {}, { 'x-tenant': acme.id })
    const first = answersTo(client, 'subscription { projectAdded { name scope } }').next()
    await eventually(() => expect(places).toContain('subscribe lost'))
    await tenancy.run(acme.id, () => pubSub.publish('nobody', { projectAdded: { name: 'new' } }))
    expect((await first).value).toEqual({ data: { projectAdded: { name: 'new', scope: 'lost' } } })
    expect(places).toEqual([
      'guard lost',
      'interceptor lost',
      'subscribe lost',
      'filter lost',
      'resolve lost',
      'reads TENANT_REQUIRED',
    ])
  })

  test('without tenantSubscriptions the module refuses a subscription', async () => {
    const client = subscriber(await start(false), {}, { 'x-tenant': fixture.acme.id })
    const { value } = await answersTo(client, 'subscription { projectAdded { name scope } }').next()
    expect(value).toMatchObject({ errors: [{ message: 'Unauthorized' }] })
    expect(places).not.toContain('subscribe lost')
  })

  test('an event on a topic without the tenant reaches the subscribers of all', async () => {
    const { acme, globex } = fixture
    const url = await start()
    const both = [acme, globex].map(({ id }) =>
      answersTo(
        subscriber(url, { authorization: `Bearer ${id}` }),
        'subscription { anyProject { name scope } }',
      ).next(),
    )
    await eventually(async () => {
      await tenancy.run(acme.id, () =>
        pubSub.publish('anyProject', { anyProject: { name: 'secret of acme' } }),
      )
      expect(await Promise.race([Promise.all(both), delay(20)])).toBeDefined()
    })
    expect((await both[1])?.value).toEqual({
      data: { anyProject: { name: 'secret of acme', scope: globex.id } },
    })
  })

  test('every place of a subscription has the scope of its connection, whoever publishes', async () => {
    const { acme, globex } = fixture
    const url = await start()
    const answers = answersTo(
      subscriber(url, { Authorization: `Bearer ${acme.id}` }),
      'subscription { projectAdded { name scope } }',
    )
    const first = answers.next()
    await eventually(() => expect(places).toContain(`subscribe ${acme.id}`))
    const topic = tenancy.run(acme.id, () => tenantTopic(tenancy, 'projectAdded'))
    await tenancy.run(globex.id, () => pubSub.publish(topic, { projectAdded: { name: 'new' } }))
    expect((await first).value).toEqual({ data: { projectAdded: { name: 'new', scope: acme.id } } })
    expect(places).toEqual(
      expect.arrayContaining(
        ['guard', 'interceptor', 'subscribe', 'filter', 'resolve'].map((place) => `${place} ${acme.id}`),
      ),
    )
    expect(places).toContain('reads acme app')
    expect(places.join()).not.toMatch(/lost|none/)
  })

  test('fifty subscribers each hear of their own events alone', async () => {
    const url = await start()
    const events = 4
    const heard = fixture.all.map(async ({ id }) => {
      const names: unknown[] = []
      for await (const answer of answersTo(
        subscriber(url, { authorization: `Bearer ${id}` }),
        'subscription { projectAdded { name scope } }',
      )) {
        names.push(answer)
        if (names.length === events) break
      }
      return names
    })
    await eventually(() => expect(places.filter((each) => each.startsWith('subscribe'))).toHaveLength(50))
    for (let index = 0; index < events; index += 1) {
      for (const { id, name } of fixture.all) {
        await publish(id, (topic) => tenantTopic(tenancy, topic), `${name} ${index}`)
      }
    }
    expect(await Promise.all(heard)).toEqual(
      fixture.all.map(({ id, name }) =>
        Array.from({ length: events }, (_, index) => ({
          data: { projectAdded: { name: `${name} ${index}`, scope: id } },
        })),
      ),
    )
  })

  test('queries over the socket act for the tenant of the connection', async () => {
    const { acme } = fixture
    const client = subscriber(await start(), {}, { 'x-tenant': acme.id })
    const { value } = await answersTo(client, '{ projects { name } }').next()
    expect(value).toEqual({ data: { projects: projectsOf(acme).map((name) => ({ name })) } })
  })

  test.each([
    ['without a tenant', {}],
    ['with an id that is none', { authorization: 'Bearer nonsense' }],
  ])('a connection %s is closed before any operation', async (_, params) => {
    const client = subscriber(await start(), params)
    await expect(answersTo(client, '{ projects { name } }').next()).rejects.toMatchObject({ code: 4403 })
    expect(places).toEqual([])
  })

  test('so is one of two tenants, and one of somebody who is no member', async () => {
    const { acme, globex } = fixture
    const url = await start(true, { membership: ({ tenantId }) => tenantId === acme.id })
    const two = subscriber(url, { authorization: `Bearer ${acme.id}` }, { 'x-tenant': globex.id })
    await expect(answersTo(two, '{ projects { name } }').next()).rejects.toMatchObject({ code: 4403 })
    const stranger = subscriber(url, { authorization: `Bearer ${globex.id}` })
    await expect(answersTo(stranger, '{ projects { name } }').next()).rejects.toMatchObject({ code: 4403 })
    const member = subscriber(url, { authorization: `Bearer ${acme.id}` })
    expect((await answersTo(member, '{ projects { name } }').next()).value).toHaveProperty('data.projects')
  })

  test('who is a member is asked with what the connection sent, and not again by its operations', async () => {
    const { acme, globex } = fixture
    const membership = vi.fn<NonNullable<TenancyModuleOptions['membership']>>(
      (_, { headers }) => headers['authorization'] === `Bearer ${acme.id}`,
    )
    const url = await start(true, { membership })
    const member = subscriber(url, { authorization: `Bearer ${acme.id}` })
    const first = answersTo(member, 'subscription { projectAdded { name scope } }').next()
    await eventually(async () => {
      await publish(acme.id, (topic) => tenantTopic(tenancy, topic), 'new')
      expect(await Promise.race([first, delay(20)])).toBeDefined()
    })
    expect((await first).value).toEqual({ data: { projectAdded: { name: 'new', scope: acme.id } } })
    expect((await answersTo(member, '{ projects { name scope } }').next()).value).not.toHaveProperty('errors')
    expect(membership).toHaveBeenCalledOnce()

    const stranger = subscriber(url, { authorization: `Bearer ${globex.id}` })
    await expect(answersTo(stranger, '{ projects { name } }').next()).rejects.toMatchObject({ code: 4403 })
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${globex.id}` },
      body: JSON.stringify({ query: '{ projects { name } }' }),
    })
    expect(await response.json()).toMatchObject({ errors: [{ message: 'Forbidden' }] })
  })

  test('a subscription that has been put into a scope by hand is not one that was let in', async () => {
    const { acme } = fixture
    const byHand: TenantSubscriptions = {
      onConnect({ extra }) {
        const { socket } = extra as { socket: WebSocket }
        const { emit } = socket
        socket.emit = (...values: Parameters<typeof emit>) =>
          tenancy.run(acme.id, () => emit.apply(socket, values))
        return Promise.resolve(true)
      },
    }
    const refused = tenancyModule({ ...options, membership: () => false })
    const client = subscriber(await startGraphql(fixture, refused, byHand))
    const { value } = await answersTo(client, 'subscription { projectAdded { name scope } }').next()
    expect(value).toHaveProperty('errors')
    expect(places).not.toContain(`subscribe ${acme.id}`)
  })

  test('a hook of the application runs for the tenant, and may still refuse', async () => {
    const { acme } = fixture
    const seen = vi.fn<() => { tenant: string }>(() => ({ tenant: tenancy.tenantId() }))
    const url = await startGraphql(
      fixture,
      tenancyModule(options),
      tenantSubscriptions({ ...options, onConnect: seen }),
    )
    await answersTo(subscriber(url, { authorization: `Bearer ${acme.id}` }), '{ projects { name } }').next()
    expect(seen).toHaveReturnedWith({ tenant: acme.id })

    const refusing = tenantSubscriptions({ ...options, onConnect: () => false })
    const other = await startGraphql(fixture, tenancyModule(options), refusing)
    const client = subscriber(other, { authorization: `Bearer ${acme.id}` })
    await expect(answersTo(client, '{ projects { name } }').next()).rejects.toMatchObject({ code: 4403 })
  })
})
