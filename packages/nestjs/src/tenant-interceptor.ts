import { Inject, Injectable } from '@nestjs/common'
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common'
import type { Observable } from 'rxjs'
import { RequestTenants } from './request-tenants.ts'
import { settle } from './tenant-guard.ts'

/**
 * The last word on the tenant, once all guards have passed: what they have put on the request is there. The scope itself is
 * the middleware's, for an interceptor's own would not reach streams, filters or `finish`.
 */
@Injectable()
export class TenantInterceptor implements NestInterceptor {
  readonly #requests: RequestTenants

  constructor(@Inject(RequestTenants) requests: RequestTenants) {
    this.#requests = requests
  }

  intercept(
    context: ExecutionContext,
    next: CallHandler<unknown>,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    return settle(this.#requests, context, 'last')?.then(() => next.handle()) ?? next.handle()
  }
}
