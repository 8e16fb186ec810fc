import { describe, expect, test } from 'vitest'
import { badTokens } from './bad-tokens.ts'
import { furnish, routeCases } from './route-cases.ts'
import { useApp } from './running-app.ts'

const app = useApp()

const cases = Object.entries(routeCases).map(([route, each]) => {
  const [method = '', pattern = ''] = route.split(' ')
  return { route, method, pattern, ...each }
})
const ofTenants = cases.filter(({ access }) => access === 'members' || access === 'admins')

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> }
}

test('every route that the router knows is attacked here, and is in the OpenAPI document', async () => {
  const { stack } = app.app.getHttpAdapter().getInstance().router as unknown as { stack: Layer[] }
  const routes = stack
    .flatMap(({ route }) =>
      route === undefined
        ? []
        : Object.keys(route.methods).map((each) => `${each.toUpperCase()} ${route.path}`),
    )
    .filter((route) => !/^\w+ \/docs\b/.test(route))
  expect(routes.toSorted()).toEqual(Object.keys(routeCases).toSorted())

  const { body: document } = await app.call('GET', '/docs-json')
  const documented = Object.entries<object>(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((each) => `${each.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  )
  expect(documented.toSorted()).toEqual(Object.keys(routeCases).toSorted())
})

describe.each(cases)('$route', ({ method, request, own, foreign }) => {
  test('with the ids of another tenant does nothing, and says nothing', async () => {
    const [acme, globex] = [await furnish(app, 'Acme'), await furnish(app, 'Globex')]
    const before = await app.rowsOf(globex)
    const { path, body } = request(globex)
    const attack = await app.call(method, path, { token: acme.token, slug: acme.slug, body })
    expect(attack.status).toBe(foreign)
    expect(attack.text).not.toMatch(/globex/i)
    expect(await app.rowsOf(globex)).toEqual(before)

    // The same request would have worked, but for who sends it.
    const rightful = request(globex)
    const { status } = await app.call(method, rightful.path, {
      token: globex.token,
      slug: globex.slug,
      body: rightful.body,
    })
    expect(status).toBe(own)
  })

  test('cannot be told the tenant by a header, a query or the body', async () => {
    const [acme, globex] = [await furnish(app, 'Acme'), await furnish(app, 'Globex')]
    const before = await app.rowsOf(globex)
    const names = ['tenantId', 'tenant_id', 'tenant', 'id']
    const { path, body } = request(acme)
    const named = Object.fromEntries(names.map((name) => [name, globex.id]))
    const asked = new URLSearchParams(named).toString()
    const headers = {
      'x-tenant-id': globex.id,
      'x-tenant': globex.slug,
      'x-forwarded-host': `${globex.slug}.localhost`,
      forwarded: `host=${globex.slug}.localhost`,
      cookie: `tenant_id=${globex.id}`,
    }
    const { token, slug } = acme
    const answers = await Promise.all([
      app.call(method, path, { token, slug, body, headers }),
      app.call(method, `${path}?${asked}`, { token, slug, body }),
      app.call(method, path, { token, slug, headers, body: { ...body, ...named } }),
      app.call(method, path, { token, slug, body: { ...body, tenant: { id: globex.id } } }),
      app.call(method, path, {
        token,
        slug,
        body: `{"__proto__":{"tenantId":"${globex.id}"},${JSON.stringify(body ?? {}).slice(1)}`.replace(
          ',}',
          '}',
        ),
      }),
    ])
    for (const { status, text } of answers) {
      expect(status).toBeLessThan(500)
      expect(text).not.toMatch(/globex/i)
    }
    // A body is taken or refused as a whole: no field is passed over in silence.
    const expected =
      body === undefined ? answers.slice(2, 4).map(({ status }) => status) : [refused(own), refused(own)]
    expect(answers.slice(2, 4).map(({ status }) => status)).toEqual(expected)
    expect(await app.rowsOf(globex)).toEqual(before)
  })
})

/** Operators' routes are refused before their bodies are looked at. */
function refused(own: number): number {
  return own === 401 ? 401 : 400
}

describe.each(ofTenants)('$route', ({ method, request, own, access }) => {
  test('lets nobody in with a token that is not right', async () => {
    const [acme, globex] = [await furnish(app, 'Acme'), await furnish(app, 'Globex')]
    const before = [await app.rowsOf(acme), await app.rowsOf(globex)]
    const { path, body } = request(globex)
    for (const [what, token] of Object.entries(await badTokens(app, acme, globex.id))) {
      const { status, body: answer } = await app.call(method, path, { token, body })
      expect(status, what).toBe(401)
      expect(answer, what).toEqual({ statusCode: 401, message: 'Unauthorized' })
    }
    const operator = await app.call(method, path, { token: await app.operator(), body })
    expect(operator.status).toBe(401)
    expect([await app.rowsOf(acme), await app.rowsOf(globex)]).toEqual(before)
  })

  test('refuses a token of one tenant on the subdomain of another, whichever of them the ids are', async () => {
    const [acme, globex] = [await furnish(app, 'Acme'), await furnish(app, 'Globex')]
    const before = [await app.rowsOf(acme), await app.rowsOf(globex)]
    for (const target of [acme, globex]) {
      const { path, body } = request(target)
      const answer = await app.call(method, path, { token: acme.token, slug: globex.slug, body })
      expect(answer).toMatchObject({
        status: 403,
        body: { statusCode: 403, message: 'Forbidden', code: 'TENANT_MISMATCH' },
      })
    }
    expect([await app.rowsOf(acme), await app.rowsOf(globex)]).toEqual(before)
  })

  test(`is for ${access} only, and for those who still are`, async () => {
    const acme = await furnish(app, 'Acme')
    const { id, token } = await app.addMember(acme, 'second@example.org')
    const { path, body } = request(acme)
    expect((await app.call(method, path, { token, body })).status).toBe(access === 'admins' ? 403 : own)
    await app.call('DELETE', `/users/${id}`, { token: acme.token })
    const again = request(acme)
    expect((await app.call(method, again.path, { token, body: again.body })).status).toBe(403)
    // On the subdomain too, which says for whom the request is before anybody knows who sent it.
    expect((await app.call(method, again.path, { token, body: again.body, slug: acme.slug })).status).toBe(
      403,
    )
  })
})
