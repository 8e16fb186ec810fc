import { Inject, Injectable, UnauthorizedException } from '@nestjs/common'
import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose'
import { CONFIGURATION, type Configuration } from '../configuration.ts'
import { USER_ROLES, type UserRole } from '../users/user-role.ts'

/** What a user's token says. It is true until it expires: `membership` of the TenancyModule asks whether it still is. */
export interface UserClaims {
  readonly sub: string
  readonly tenant_id: string
  readonly role: UserRole
}

/** Short, because a token cannot be taken back; a refresh token is left out here. */
const USER_LIFETIME = '15m'
const OPERATOR_LIFETIME = '1h'
const USERS = 'users'
const OPERATORS = 'operators'

/** Signs and verifies tokens: of users, and, with another key and for another audience, of operators. */
@Injectable()
export class Tokens {
  readonly #tokens: Configuration['tokens']

  constructor(@Inject(CONFIGURATION) { tokens }: Configuration) {
    this.#tokens = tokens
  }

  issueForUser({ sub, ...claims }: UserClaims): Promise<string> {
    return this.#issue({ ...claims }, sub, USERS, USER_LIFETIME, this.#tokens.userSecret)
  }

  issueForOperator(name: string): Promise<string> {
    return this.#issue({}, name, OPERATORS, OPERATOR_LIFETIME, this.#tokens.operatorSecret)
  }

  /** @throws UnauthorizedException */
  async verifyUser(token: string): Promise<UserClaims> {
    const { sub, tenant_id: tenantId, role } = await this.#verify(token, USERS, this.#tokens.userSecret)
    const known = USER_ROLES.find((each) => each === role)
    if (typeof sub !== 'string' || typeof tenantId !== 'string' || known === undefined) {
      throw new UnauthorizedException()
    }
    return { sub, tenant_id: tenantId, role: known }
  }

  /**
   * @returns the operator's name
   * @throws UnauthorizedException
   */
  async verifyOperator(token: string): Promise<string> {
    const { sub } = await this.#verify(token, OPERATORS, this.#tokens.operatorSecret)
    if (typeof sub !== 'string') throw new UnauthorizedException()
    return sub
  }

  #issue(
    claims: JWTPayload,
    subject: string,
    audience: string,
    lifetime: string,
    key: Uint8Array,
  ): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(subject)
      .setIssuer(this.#tokens.issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(lifetime)
      .sign(key)
  }

  async #verify(token: string, audience: string, key: Uint8Array): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, key, {
        // A token must not choose its own.
        algorithms: ['HS256'],
        issuer: this.#tokens.issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
      })
      return payload
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new UnauthorizedException(undefined, { cause: error })
      throw error
    }
  }
}
