import type { IncomingMessage } from 'node:http'
import { ForbiddenException, Inject, Injectable, UnauthorizedException } from '@nestjs/common'
import type { CanActivate, ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { ACCESS, type Access } from './access-for.ts'
import { Tokens, type UserClaims } from './tokens.ts'

/** A request that the {@link AccessGuard} has let pass. */
export interface AuthenticatedRequest extends IncomingMessage {
  /** Express's: without the query. */
  readonly path: string
  /** What the token says; null for a visitor. */
  user?: UserClaims | null
  operator?: string
}

/** Who asks, by a verified token, and whether the route is for them. It runs for every route, before the tenant is settled. */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #reflector: Reflector
  readonly #tokens: Tokens

  constructor(@Inject(Reflector) reflector: Reflector, @Inject(Tokens) tokens: Tokens) {
    this.#reflector = reflector
    this.#tokens = tokens
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const access =
      this.#reflector.getAllAndOverride<Access | undefined>(ACCESS, [
        context.getHandler(),
        context.getClass(),
      ]) ?? 'members'
    switch (access) {
      case 'visitors':
        request.user = null
        return true
      case 'operators':
        request.operator = await this.#tokens.verifyOperator(bearerToken(request))
        return true
      case 'members':
      case 'admins':
        request.user = await this.#tokens.verifyUser(bearerToken(request))
        if (access === 'admins' && request.user.role !== 'admin') throw new ForbiddenException()
        return true
    }
  }
}

function bearerToken({ headers }: IncomingMessage): string {
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (token === undefined) throw new UnauthorizedException()
  return token
}
