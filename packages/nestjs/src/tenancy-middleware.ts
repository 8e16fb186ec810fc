import { Inject, Injectable } from '@nestjs/common'
import type { NestMiddleware } from '@nestjs/common'
import type { EventEmitter } from 'node:events'
import { RequestTenants } from './request-tenants.ts'

/** Opens the scope of a request, before anybody knows its tenant. */
@Injectable()
export class TenancyMiddleware implements NestMiddleware<EventEmitter, EventEmitter> {
  readonly #requests: RequestTenants

  constructor(@Inject(RequestTenants) requests: RequestTenants) {
    this.#requests = requests
  }

  use(request: EventEmitter, response: EventEmitter, next: () => void): void {
    this.#requests.open(request, response, next)
  }
}
