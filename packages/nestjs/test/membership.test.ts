import { describe, expect, test } from 'vitest'
import { TenancyModule, tenantFromHeader, type TenancyModuleOptions } from '../src/index.ts'
import {
  adapters,
  answer,
  rootModule,
  startApplication,
  type RunningApplication,
} from './support/application.ts'
import { poolProvider, ProjectsController, UsersGuard, type User } from './support/projects.ts'
import { projectsOf, tenancy, useTenants } from './support/tenants.ts'

const fixture = useTenants()
const header = tenantFromHeader('x-tenant-id', { trustedProxy: true })
const unauthorised = {
  status: 401,
  body: { statusCode: 401, message: 'Unauthorized', code: 'TENANT_REQUIRED' },
}
const forbidden = { status: 403, body: { statusCode: 403, message: 'Forbidden', code: 'TENANT_MISMATCH' } }

describe.each(adapters)('membership, on %s', (adapter) => {
  function start(options: Partial<TenancyModuleOptions>): Promise<RunningApplication> {
    return startApplication(
      rootModule({
        imports: [TenancyModule.forRoot({ tenancy, resolve: header, ...options })],
        controllers: [ProjectsController],
        providers: [poolProvider(() => fixture.pool), UsersGuard],
      }),
      adapter,
    )
  }

  const membership: NonNullable<TenancyModuleOptions['membership']> = async (tenant, { headers }) => {
    expect(tenancy.tenantId()).toBe(tenant.tenantId)
    const { rowCount } = await fixture.pool.query('select from users where email = $1', [headers['x-email']])
    return rowCount === 1
  }

  test('is asked for that tenant, whose members only it can read', async () => {
    const { request } = await start({ membership })
    const ask = (tenant: string, email: string) =>
      answer(request('/projects', { headers: { 'x-tenant-id': tenant, 'x-email': email } }))
    expect(await ask(fixture.acme.id, 'owner@acme.test')).toEqual({
      status: 200,
      body: projectsOf(fixture.acme),
    })
    expect(await ask(fixture.globex.id, 'owner@acme.test')).toEqual(forbidden)
  })

  test.each([
    ['undefined', undefined],
    ['a list', [1]],
    ['a number', 1],
  ])('nothing but true is a yes: %s is none', async (_name, result) => {
    const { request } = await start({ membership: () => result as never })
    expect(await answer(request('/projects', { headers: { 'x-tenant-id': fixture.acme.id } }))).toEqual(
      forbidden,
    )
  })

  test('is asked about the user whom the guard of a controller finds, not about nobody before', async () => {
    // A sign-in, say, is for nobody yet: the answer about nobody must not cover who comes later.
    const { request } = await start({
      membership: (_tenant, { raw }) => {
        const { user } = raw as { user?: User }
        return user === undefined || user.sub === 'member'
      },
    })
    const ask = (sub: string) =>
      answer(
        request('/guarded', {
          headers: { 'x-tenant-id': fixture.acme.id, 'x-user': JSON.stringify({ sub }) },
        }),
      )
    expect(await ask('removed')).toEqual(forbidden)
    expect(await ask('member')).toEqual({ status: 200, body: projectsOf(fixture.acme) })
  })

  test('comes before the tenant: a guard reads nothing for somebody who may be no member', async () => {
    const { request } = await start({ membership: () => false })
    const asTenant = { headers: { 'x-tenant-id': fixture.acme.id } }
    expect(await answer(request('/guarded-too-early', asTenant))).toEqual(unauthorised)
    expect(await answer(request('/guarded-twice', asTenant))).toEqual(forbidden)
  })

  test('is asked once for a request', async () => {
    let times = 0
    const { request } = await start({
      membership: () => {
        times += 1
        return true
      },
    })
    await answer(request('/projects', { headers: { 'x-tenant-id': fixture.acme.id } }))
    expect(times).toBe(1)
  })
})
