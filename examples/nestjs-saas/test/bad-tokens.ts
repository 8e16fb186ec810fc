import { randomBytes } from 'node:crypto'
import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose'
import type { RunningApp } from './running-app.ts'

/** Tokens that nobody should get in with, by what is wrong with them, made of one that is right. */
export async function badTokens(
  { configuration: { tokens } }: RunningApp,
  { token }: { token: string },
  otherTenantId: string,
): Promise<Record<string, string | undefined>> {
  const { iat: _, exp: __, ...claims } = decodeJwt(token)
  const [header = '', , signature = ''] = token.split('.')
  const now = Math.floor(Date.now() / 1000)
  const sign = (changes: Record<string, unknown>, key: Uint8Array = tokens.userSecret, alg = 'HS256') =>
    new SignJWT({ ...claims, iat: now, exp: now + 60, ...changes }).setProtectedHeader({ alg }).sign(key)
  const other = { ...claims, iat: now, exp: now + 60, tenant_id: otherTenantId }
  return {
    missing: undefined,
    empty: '',
    'no token': 'nonsense',
    'the id of a tenant': otherTenantId,
    'expired a second ago': await sign({ exp: now - 1 }),
    'without an expiry': await sign({ exp: undefined }),
    'of a day that has not come': await sign({ nbf: now + 60 }),
    'signed with another key': await sign({}, randomBytes(32)),
    'signed with the key of operators': await sign({}, tokens.operatorSecret),
    'signed with the key, for operators': await sign({ aud: 'operators' }),
    'of another issuer': await sign({ iss: 'https://elsewhere.example' }),
    'of another algorithm': await sign({}, randomBytes(64), 'HS384'),
    'of another algorithm, with the key': await sign({}, tokens.userSecret, 'HS512'),
    'without a signature': new UnsecuredJWT(other).encode(),
    'whose tenant has been changed': [
      header,
      Buffer.from(JSON.stringify(other)).toString('base64url'),
      signature,
    ].join('.'),
    'without a tenant': await sign({ tenant_id: undefined }),
    'of several tenants': await sign({ tenant_id: [otherTenantId] }),
    'with a role that there is not': await sign({ role: 'operator' }),
    'without a user': await sign({ sub: undefined }),
  }
}
