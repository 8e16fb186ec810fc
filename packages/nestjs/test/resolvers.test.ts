import { createTenancy } from '@tenantry/core'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { Controller, Get } from '@nestjs/common'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  TenancyModule,
  tenantFromClaim,
  tenantFromHeader,
  tenantFromJwt,
  tenantFromPath,
  tenantFromSubdomain,
  type TenantFromJwtOptions,
  type TenantRequest,
} from '../src/index.ts'
import { adapters, rootModule, startApplication } from './support/application.ts'

/** A request as a transport hands it over. */
function requestWith(request: Partial<TenantRequest>): TenantRequest {
  return { kind: 'http', headers: {}, rawHeaders: undefined, params: {}, raw: {}, ...request }
}

const withHeaders = (headers: TenantRequest['headers']) => requestWith({ headers })
const bearer = (token: string) => withHeaders({ authorization: `Bearer ${token}` })

describe('tenantFromClaim', () => {
  test('reads what the guard put on the request, and fills settings', () => {
    const user = { tenant_id: 'acme', sub: 'u1', 'https://example.com/role': 'admin' }
    const settings = { userId: 'sub', role: 'https://example.com/role', missing: 'nothing' }
    expect(tenantFromClaim('tenant_id')(requestWith({ raw: { user } }))).toEqual({ tenantId: 'acme' })
    expect(tenantFromClaim('tenant_id', { settings })(requestWith({ raw: { user } }))).toEqual({
      tenantId: 'acme',
      userId: 'u1',
      role: 'admin',
      missing: undefined,
    })
    expect(tenantFromClaim('tid', { property: 'auth' })(requestWith({ raw: { auth: { tid: 7 } } }))).toEqual({
      tenantId: 7,
    })
  })

  test.each([[{}], [{ user: null }], [{ user: 'acme' }], [{ user: {} }], [{ user: { tenant_id: null } }]])(
    'has no answer to %j',
    (raw) => {
      expect(tenantFromClaim('tenant_id')(requestWith({ raw }))).toBeUndefined()
    },
  )

  test('a claim cannot bring settings along, nor name several tenants', () => {
    const tenantOf = (claim: unknown) => () =>
      tenantFromClaim('tenant_id')(requestWith({ raw: { user: { tenant_id: claim } } }))
    expect(tenantOf({ tenantId: 'acme', userId: 'admin' })).toThrow('is a object')
    expect(tenantOf(['acme', 'globex'])).toThrow('one text or one number')
  })
})

describe('tenantFromHeader', () => {
  test('is refused unless somebody says that a trusted proxy sets it', () => {
    for (const options of [undefined, {}, { trustedProxy: false }, { trustedProxy: 'yes' }]) {
      expect(() => tenantFromHeader('x-tenant-id', options as never)).toThrow('would choose their tenant')
    }
  })

  const resolve = tenantFromHeader('X-Tenant-Id', { trustedProxy: true })

  test('reads it, whatever its case', () => {
    expect(resolve(withHeaders({ 'x-tenant-id': 'acme' }))).toBe('acme')
    expect(resolve(withHeaders({}))).toBeUndefined()
    expect(resolve(withHeaders({ 'x-tenant-id': '' }))).toBeUndefined()
  })

  test('several values are refused, however they arrive', () => {
    const twice = {
      headers: { 'x-tenant-id': 'acme' },
      rawHeaders: ['X-Tenant-ID', 'acme', 'x-tenant-id', 'globex'],
    }
    for (const request of [
      requestWith(twice),
      withHeaders({ 'x-tenant-id': ['acme', 'globex'] }),
      withHeaders({ 'x-tenant-id': 'acme, globex' }),
    ]) {
      expect(() => resolve(request)).toThrow(expect.objectContaining({ code: 'INVALID_TENANT_ID' }))
    }
    // A value that looks like the name is none.
    expect(
      resolve(requestWith({ ...twice, rawHeaders: ['X-Tenant-Id', 'acme', 'x-note', 'x-tenant-id'] })),
    ).toBe('acme')
  })
})

describe('tenantFromPath', () => {
  test('reads the parameter, and nothing that is inherited', () => {
    expect(tenantFromPath('tenantId')(requestWith({ params: { tenantId: 'acme' } }))).toBe('acme')
    expect(tenantFromPath('tenantId')(requestWith({}))).toBeUndefined()
    expect(tenantFromPath('constructor')(requestWith({}))).toBeUndefined()
    expect(() => tenantFromPath('tenantId')(requestWith({ params: { tenantId: ['acme', 'b'] } }))).toThrow(
      'not one text',
    )
  })
})

describe('tenantFromSubdomain', () => {
  const resolve = tenantFromSubdomain({ baseDomain: 'Example.com.', reserved: ['www', 'API'] })
  const at = (host: string) => resolve(withHeaders({ host }))

  test.each([
    ['acme.example.com', 'acme'],
    ['ACME.Example.COM', 'acme'],
    ['acme.example.com:8443', 'acme'],
    ['acme.example.com.', 'acme'],
    ['acme.example.com.:443', 'acme'],
    ['xn--mnchen-3ya.example.com', 'xn--mnchen-3ya'],
    ['a-b.example.com', 'a-b'],
  ])('%s is %s', (host, tenant) => {
    expect(at(host)).toBe(tenant)
  })

  test.each([
    ['example.com'],
    ['www.example.com'],
    ['api.example.com'],
    ['evil-example.com'],
    ['acme.evil-example.com'],
    ['acmeexample.com'],
    ['acme.example.com.evil.com'],
    ['acme.example.org'],
    ['a.b.example.com'],
    ['.example.com'],
    ['-acme.example.com'],
    ['acme_1.example.com'],
    ['münchen.example.com'],
    ['acme%2eexample.com'],
    ['user@acme.example.com'],
    ['acme.example.com/x.example.com'],
    ["' or 1=1 --.example.com"],
    [`${'a'.repeat(64)}.example.com`],
    ['127.0.0.1:3000'],
    ['[::1]:3000'],
    ['localhost'],
    ['com'],
    [''],
    ['acme.example.com:80:90'],
  ])('%s is no tenant', (host) => {
    expect(at(host)).toBeUndefined()
  })

  test('an international base domain is compared as hosts are sent', () => {
    const international = tenantFromSubdomain({ baseDomain: 'münchen.example' })
    expect(international(withHeaders({ host: 'acme.xn--mnchen-3ya.example' }))).toBe('acme')
  })

  test('HTTP/2 names the host otherwise', () => {
    expect(resolve(withHeaders({ ':authority': 'acme.example.com' }))).toBe('acme')
  })

  test('X-Forwarded-Host counts only behind a trusted proxy, and then nothing else does', () => {
    const headers = { host: 'acme.example.com', 'x-forwarded-host': 'globex.example.com' }
    expect(resolve(withHeaders(headers))).toBe('acme')
    const proxied = tenantFromSubdomain({ baseDomain: 'example.com', trustedProxy: true })
    expect(proxied(withHeaders(headers))).toBe('globex')
    expect(proxied(withHeaders({ host: 'acme.example.com' }))).toBeUndefined()
    expect(() =>
      proxied(withHeaders({ 'x-forwarded-host': 'acme.example.com, globex.example.com' })),
    ).toThrow('several hosts')
  })

  test('is looked up as it was named, once it could be one', async () => {
    const asked: string[] = []
    const lookup = tenantFromSubdomain({
      baseDomain: 'localhost',
      lookup: async (subdomain) => {
        asked.push(subdomain)
        return subdomain === 'acme' ? '1' : undefined
      },
    })
    expect(await lookup(withHeaders({ host: 'Acme.localhost:3000' }))).toBe('1')
    expect(await lookup(withHeaders({ host: 'globex.localhost:3000' }))).toBeUndefined()
    expect(await lookup(withHeaders({ host: 'a.b.localhost:3000' }))).toBeUndefined()
    expect(asked).toEqual(['acme', 'globex'])
  })

  test.each([['com'], [''], ['https://example.com'], ['example.com:3000'], ['*.example.com'], [undefined]])(
    'a base domain of %j is refused',
    (baseDomain) => {
      expect(() => tenantFromSubdomain({ baseDomain: baseDomain as string })).toThrow('Give your own domain')
    },
  )
})

describe('tenantFromJwt', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const options: TenantFromJwtOptions = {
    key: publicKey,
    algorithms: ['RS256'],
    issuer: 'https://login.example.com',
    audience: 'api',
    claim: 'tenant_id',
  }
  const resolve = tenantFromJwt(options)

  const token = (changes: { [claim: string]: unknown } = {}) =>
    new SignJWT({ tenant_id: 'acme', sub: 'u1', iss: 'https://login.example.com', aud: 'api', ...changes })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuedAt()
      .setExpirationTime((changes['exp'] as number | undefined) ?? '1m')
      .sign(privateKey)

  const forged = (signed: string, header: object) => {
    const [, payload, signature] = signed.split('.')
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`
  }

  test('a verified token decides', async () => {
    expect(await resolve(bearer(await token()))).toEqual({ tenantId: 'acme' })
    const settings = tenantFromJwt({ ...options, settings: { userId: 'sub' } })
    expect(await settings(bearer(await token()))).toEqual({ tenantId: 'acme', userId: 'u1' })
  })

  test('no token, another scheme and a token without the claim are no answer', async () => {
    expect(await resolve(withHeaders({}))).toBeUndefined()
    expect(await resolve(withHeaders({ authorization: 'Basic YTpi' }))).toBeUndefined()
    expect(await resolve(bearer(await token({ tenant_id: undefined })))).toBeUndefined()
  })

  test('an unverified reading would believe every one of these', async () => {
    const unsigned = new UnsecuredJWT({ tenant_id: 'globex' }).encode()
    const [, payload = ''] = unsigned.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({ tenant_id: 'globex' })
  })

  const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))
  const claims = { tenant_id: 'globex', iss: 'https://login.example.com', aud: 'api' }

  test.each<[string, () => string | Promise<string>]>([
    ['unsigned', () => new UnsecuredJWT(claims).setExpirationTime('1m').encode()],
    ['said to be unsigned', async () => forged(await token(), { alg: 'none' })],
    ['without its signature', async () => (await token()).replace(/[^.]*$/, '')],
    [
      'signed with the public key as a secret',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime('1m')
          .sign(createSecretKey(pem)),
    ],
    [
      'signed by somebody else',
      () => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).setExpirationTime('1m').sign(otherKey),
    ],
    [
      'bringing its own key',
      async () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(createPublicKey(otherKey)) })
          .setExpirationTime('1m')
          .sign(otherKey),
    ],
    [
      'signed with another algorithm',
      () => new SignJWT(claims).setProtectedHeader({ alg: 'RS512' }).setExpirationTime('1m').sign(privateKey),
    ],
    [
      'changed after it was signed',
      async () => {
        const [head, , signature] = (await token()).split('.')
        return `${head}.${Buffer.from(JSON.stringify({ ...claims, exp: 9e9 })).toString('base64url')}.${signature}`
      },
    ],
    ['expired', () => token({ exp: Math.floor(Date.now() / 1000) - 1 })],
    ['not valid yet', () => token({ nbf: Math.floor(Date.now() / 1000) + 60 })],
    ['without an end', () => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)],
    ['of another issuer', () => token({ iss: 'https://evil.example.com' })],
    ['for somebody else', () => token({ aud: 'another application' })],
    ['no token at all', () => 'abc'],
    ['of too many parts', async () => `${await token()}.x`],
  ])('a token %s is refused', async (_name, make) => {
    await expect(resolve(bearer(await make()))).rejects.toMatchObject({
      status: 401,
      message: 'Unauthorized',
    })
  })

  test('a repeated Authorization header is refused', async () => {
    const authorization = `Bearer ${await token()}`
    const rawHeaders = ['Authorization', authorization, 'authorization', 'Bearer x']
    await expect(resolve(requestWith({ headers: { authorization }, rawHeaders }))).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    })
  })

  test('a secret verifies HMAC, and only its own', async () => {
    const secret = Buffer.from('0123456789abcdef0123456789abcdef')
    const shared = tenantFromJwt({ key: secret, algorithms: ['HS256'], claim: 'tenant_id' })
    const sign = (key: Uint8Array) =>
      new SignJWT({ tenant_id: 'acme' })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1m')
        .sign(key)
    expect(await shared(bearer(await sign(secret)))).toEqual({ tenantId: 'acme' })
    await expect(shared(bearer(await sign(Buffer.alloc(32))))).rejects.toMatchObject({ status: 401 })
    await expect(shared(bearer(await token()))).rejects.toMatchObject({ status: 401 })
  })

  test('a token from elsewhere than the header', async () => {
    const fromQuery = tenantFromJwt({
      ...options,
      token: ({ raw }) => (raw as { query: { token?: string } }).query.token,
    })
    expect(await fromQuery(requestWith({ raw: { query: { token: await token() } } }))).toEqual({
      tenantId: 'acme',
    })
  })

  test("the issuer's keys are fetched; that they cannot be is not the sender's fault", async () => {
    const keys = await generateKeyPair('ES256', { extractable: true })
    const published = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }] }
    let isDown = true
    const server = createServer((_request, response) => {
      if (isDown) response.writeHead(503).end()
      else response.setHeader('content-type', 'application/json').end(JSON.stringify(published))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
    const remote = tenantFromJwt({
      jwks,
      issuer: 'i',
      audience: 'a',
      algorithms: ['ES256'],
      claim: 'tenant_id',
    })
    const sign = (kid: string) =>
      new SignJWT({ tenant_id: 'acme', iss: 'i', aud: 'a' })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setExpirationTime('1m')
        .sign(keys.privateKey)
    await expect(remote(bearer(await sign('k1')))).rejects.not.toMatchObject({ status: 401 })
    isDown = false
    expect(await remote(bearer(await sign('k1')))).toEqual({ tenantId: 'acme' })
    await expect(remote(bearer(await sign('unknown')))).rejects.toMatchObject({ status: 401 })
  })

  test.each<[string, Partial<TenantFromJwtOptions>]>([
    ['no key', { key: undefined as never }],
    ['two keys', { jwks: 'https://login.example.com/jwks.json' }],
    ['no algorithm', { algorithms: [] }],
    ['the algorithm none', { algorithms: ['none'] }],
    ['HMAC with a public key', { algorithms: ['RS256', 'HS256'] }],
    ['a secret with RSA', { key: Buffer.alloc(32), algorithms: ['RS256'] }],
    ['a secret key object with RSA', { key: createSecretKey(Buffer.alloc(32)), algorithms: ['RS256'] }],
    ['a public key in a file as a secret', { key: pem, algorithms: ['HS256'] }],
    [
      'published keys for anybody',
      { key: undefined as never, jwks: 'https://login.example.com/jwks.json', audience: undefined as never },
    ],
    [
      'published keys and HMAC',
      { key: undefined as never, jwks: 'https://login.example.com/jwks.json', algorithms: ['HS256'] },
    ],
  ])('%s is refused at once', (_name, changes) => {
    expect(() => tenantFromJwt({ ...options, ...changes })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG' }),
    )
  })
})

describe.each(adapters)('over HTTP on %s', (adapter) => {
  const tenancy = createTenancy({ tenantId: 'text', name: 'resolvers' })

  @Controller()
  class TenantController {
    @Get()
    tenant(): string {
      return tenancy.tenantId()
    }
  }

  /** What the server answers to a request as it is written, which no client would send. */
  async function send(url: string, ...headers: string[]): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end(['GET / HTTP/1.1', ...headers, 'Connection: close', '', ''].join('\r\n'))
    return (await socket.setEncoding('utf8').toArray()).join('')
  }

  test('a header that a proxy added to the one of the client is refused', async () => {
    const resolve = tenantFromHeader('x-tenant-id', { trustedProxy: true })
    const { app } = await startApplication(
      rootModule({ imports: [TenancyModule.forRoot({ tenancy, resolve })], controllers: [TenantController] }),
      adapter,
    )
    const url = await app.getUrl()
    expect(await send(url, 'Host: a', 'X-Tenant-Id: acme')).toMatch(/^HTTP\/1.1 200 OK[^]*acme$/)
    const answer = await send(url, 'Host: a', 'X-Tenant-Id: acme', 'x-tenant-id: globex')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).not.toMatch(/acme|globex/)
  })

  test('two hosts are refused, of which Node shows the first only', async () => {
    const resolve = tenantFromSubdomain({ baseDomain: 'example.com' })
    const { app } = await startApplication(
      rootModule({ imports: [TenancyModule.forRoot({ tenancy, resolve })], controllers: [TenantController] }),
      adapter,
    )
    const url = await app.getUrl()
    expect(await send(url, 'Host: acme.example.com')).toMatch(/^HTTP\/1.1 200 OK[^]*acme$/)
    expect(await send(url, 'Host: acme.example.com', 'Host: globex.example.com')).toMatch(/^HTTP\/1.1 400 /)
  })
})
