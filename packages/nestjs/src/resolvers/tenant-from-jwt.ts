import { UnauthorizedException } from '@nestjs/common'
import type { KeyObject } from 'node:crypto'
import { invalidConfig } from '../invalid-config.ts'
import { singleHeader } from '../request-headers.ts'
import type { TenantRequest, TenantResolver } from '../tenant-resolver.ts'
import { tenantOfClaims, type ClaimSettings } from './tenant-from-claim.ts'

/** What {@link tenantFromJwt} takes. */
export interface TenantFromJwtOptions extends ClaimSettings {
  /** The claim with the tenant's id. */
  readonly claim: string
  /** The signature algorithms that are accepted, such as `['RS256']`. HMAC and public keys never together. */
  readonly algorithms: readonly string[]
  /** What tokens are verified with: a public key, or the secret of HMAC as bytes. Or give `jwks`. */
  readonly key?: KeyObject | Uint8Array
  /** The address of the issuer's keys. Needs `issuer` and `audience`, for others' applications may share them. */
  readonly jwks?: string | URL
  /** Who must have issued the token: `iss`. */
  readonly issuer?: string | readonly string[]
  /** For whom the token must be: `aud`. */
  readonly audience?: string | readonly string[]
  /** Seconds that clocks may differ. 0 unless given. */
  readonly clockTolerance?: number
  /** Where the token is. The `Authorization: Bearer` header unless given; say where for a websocket's handshake. */
  readonly token?: (request: TenantRequest) => string | undefined
}

/**
 * The tenant from a signed token, verified with [jose](https://github.com/panva/jose), which has to be installed. No answer
 * where there is no token, or one without the claim. A token that is not valid now, or never expires, ends the request with 401.
 *
 * @throws TenantryError `INVALID_CONFIG` without a key, without algorithms, or with algorithms that do not go with the key
 * @example
 * ```ts no-run
 * tenantFromJwt({
 *   jwks: 'https://login.example.com/.well-known/jwks.json',
 *   issuer: 'https://login.example.com/',
 *   audience: 'https://api.example.com',
 *   algorithms: ['RS256'],
 *   claim: 'tenant_id',
 * })
 * ```
 */
export function tenantFromJwt(options: TenantFromJwtOptions): TenantResolver {
  checkKey(options)
  const { claim, settings, token = bearerToken } = options
  let verifier: Promise<Verify> | undefined
  return async (request) => {
    const text = token(request)
    if (text === undefined) return undefined
    verifier ??= createVerifier(options)
    const verify = await verifier
    return tenantOfClaims(await verify(text), claim, settings)
  }
}

// Names of RFC 7518, 8037 and 9964 begin so; `none` does not.
const SIGNATURES = /^(?:HS|RS|PS|ES|Ed|ML-DSA)/

type Verify = (token: string) => Promise<unknown>

async function createVerifier(options: TenantFromJwtOptions): Promise<Verify> {
  // Loaded when first needed: an application that verifies elsewhere does without it.
  const { createRemoteJWKSet, errors, jwtVerify } = await import('jose')
  const { key, jwks, algorithms, issuer, audience, clockTolerance = 0 } = options
  const conditions = {
    algorithms: [...algorithms],
    // A token without it would be valid for ever.
    requiredClaims: ['exp'],
    clockTolerance,
    ...(issuer !== undefined && { issuer: [issuer].flat() }),
    ...(audience !== undefined && { audience: [audience].flat() }),
  }
  const keys = jwks === undefined ? undefined : createRemoteJWKSet(new URL(jwks))
  return async (token) => {
    try {
      const verified =
        keys === undefined
          ? await jwtVerify(token, key as KeyObject | Uint8Array, conditions)
          : await jwtVerify(token, keys, conditions)
      return verified.payload
    } catch (error) {
      // The issuer's keys could not be read: that is not the fault of whoever sent the token.
      if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) throw error
      if (error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC') {
        // Why is nobody's business who sends tokens that are not valid.
        throw new UnauthorizedException({ statusCode: 401, message: 'Unauthorized' }, { cause: error })
      }
      throw error
    }
  }
}

function bearerToken(request: TenantRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(singleHeader(request, 'authorization') ?? '')?.[1]
}

function checkKey({ key, jwks, algorithms, issuer, audience }: TenantFromJwtOptions): void {
  const refuse = (message: string) => invalidConfig('tenantFromJwt', message)
  if ((key === undefined) === (jwks === undefined)) throw refuse('give either "key" or "jwks".')
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    throw refuse(
      "give the algorithms that you sign with, such as ['RS256']: a token must not choose its own.",
    )
  }
  if (jwks !== undefined && (issuer === undefined || audience === undefined)) {
    throw refuse(
      'with "jwks" give "issuer" and "audience", or tokens for other applications of that issuer count too.',
    )
  }
  const isSecret = key instanceof Uint8Array || (key !== undefined && key.type === 'secret')
  // A public key is no secret: whoever knows it could sign with HMAC, if HMAC were accepted.
  const wrong = (algorithms as readonly string[]).filter(
    (algorithm) => !SIGNATURES.test(algorithm) || algorithm.startsWith('HS') !== isSecret,
  )
  if (wrong.length > 0) {
    throw refuse(
      `the algorithms ${JSON.stringify(wrong)} do not go with ${isSecret ? 'a secret: that is for HS256, HS384 and HS512' : 'a public key: those of HMAC are for secrets, and "none" verifies nothing'}.`,
    )
  }
  if (
    key instanceof Uint8Array &&
    Buffer.from(key.subarray(0, 64)).toString('latin1').includes('-----BEGIN')
  ) {
    throw refuse(
      '"key" is a PEM file as bytes, which would count as a secret. Give createPublicKey(pem) of node:crypto.',
    )
  }
}
