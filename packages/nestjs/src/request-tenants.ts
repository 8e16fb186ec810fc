import { Inject, Injectable } from '@nestjs/common'
import type { ExecutionContext } from '@nestjs/common'
import { TenantMismatchError, TenantRequiredError } from '@tenantry/core'
import type { Scope, Tenancy, TenantScope } from '@tenantry/core'
import type { EventEmitter } from 'node:events'
import { checkMembership, isAnswered, resolveTenant, type TenantAnswers } from './resolve-tenant.ts'
import { routeAccess, type RouteAccess } from './route-access.ts'
import { TENANCY_OPTIONS, type TenancyModuleOptions } from './tenancy-module-options.ts'
import { httpRequestOf, nodeRequestOf } from './tenant-request.ts'
import type { TenantRequest } from './tenant-resolver.ts'

/** What is known of one request. */
interface RequestState {
  /** Assigns in the scope that the middleware opened, whatever has been opened within it since. */
  readonly assign: Pick<Tenancy, 'assign' | 'assignWithoutTenant' | 'assignSystem'>
  /** The tenant of a scope that was open before. */
  readonly outer: TenantScope | undefined
  readonly answers: TenantAnswers
  checked: TenantScope | undefined
  /** What the request acts as, once nothing is left to be asked. */
  settled: Scope | undefined
}

/** Gives every request its scope: opened by the middleware, assigned by the guard or, at the latest, by the interceptor. */
@Injectable()
export class RequestTenants {
  readonly #options: TenancyModuleOptions
  readonly #states = new WeakMap<object, RequestState>()

  constructor(@Inject(TENANCY_OPTIONS) options: TenancyModuleOptions) {
    this.#options = options
  }

  /** Runs `next` with a scope that is assigned later. A request that has one keeps it. */
  open(request: EventEmitter, response: EventEmitter, next: () => void): void {
    if (this.#states.has(request)) return next()
    const { tenancy } = this.#options
    const outer = tenantIn(tenancy.current())
    tenancy.defer(() => {
      this.#states.set(request, {
        assign: boundAssign(tenancy),
        outer,
        answers: [],
        checked: undefined,
        settled: undefined,
      })
      // Node emits a body's data and the end of a response from the socket, which belongs to the connection and not to
      // this request: listeners attached by hand would run with no scope.
      for (const emitter of [request, response]) {
        emitter.emit = tenancy.bind(emitter.emit.bind(emitter))
      }
      next()
    })
  }

  /**
   * Assigns the scope of the route, as far as it is known.
   *
   * @param last whether all guards have let the request pass: rights across tenants are given only then, and a route that
   *   needs a tenant goes no further without one
   * @throws TenantRequiredError
   * @throws TenantMismatchError
   * @throws InvalidTenantIdError
   */
  settle(context: ExecutionContext, last: boolean): Promise<void> | undefined {
    return last && this.#isSettled(context) ? undefined : this.#settle(context, last)
  }

  /** Most requests are, once their guards have passed. Those of GraphQL have routes of their own for each field. */
  #isSettled(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return false
    const settled = this.#states.get(nodeRequestOf(context.getArgByIndex<object>(0)))?.settled
    return settled !== undefined && settled === this.#options.tenancy.current()
  }

  async #settle(context: ExecutionContext, last: boolean): Promise<void> {
    const request = httpRequestOf(context)
    if (request === undefined) return
    const access = routeAccess(context, this.#options.exclude)
    const state = this.#states.get(nodeRequestOf(request.raw))
    if (access !== undefined) this.#assignAccess(access, state, last)
    else await this.#assignTenant(request, state, last)
  }

  #assignAccess(access: RouteAccess, state: RequestState | undefined, last: boolean): void {
    const { assign } = state ?? { assign: this.#options.tenancy }
    if (access.kind === 'none') {
      assign.assignWithoutTenant()
    } else if (last) {
      assign.assignSystem(access.reason)
    } else {
      return
    }
    this.#confirm(this.#options.tenancy.current()?.kind === access.kind)
  }

  async #assignTenant(request: TenantRequest, state: RequestState | undefined, last: boolean): Promise<void> {
    const { tenancy } = this.#options
    const known = tenantIn(tenancy.current()) ?? state?.outer
    const tenant = await resolveTenant(this.#options, request, state?.answers, known)
    if (tenant === undefined) {
      if (!last) return
      throw new TenantRequiredError(
        'No resolver of TenancyModule knows for which tenant this request is. Send what they read, such as a token with the ' +
          'tenant, or mark the route with @WithoutTenant().',
      )
    }
    if (state?.checked?.tenantId !== tenant.tenantId) await checkMembership(this.#options, tenant, request)
    const { assign } = state ?? { assign: tenancy }
    assign.assign(tenant.values)
    const scope = tenancy.current()
    this.#confirm(scope?.kind === 'tenant' && scope.tenantId === tenant.tenantId)
    if (state !== undefined) {
      state.checked = tenant
      if (isAnswered(this.#options, state.answers)) state.settled = scope
    }
  }

  /** A library that loses the asynchronous context, or mixes up those of two requests, is noticed before anything is read. */
  #confirm(isRight: boolean): void {
    if (isRight) return
    throw new TenantMismatchError(
      'This request does not run in the scope that was opened for it: something between the middleware of TenancyModule and ' +
        'its guard lost the asynchronous context, or opened another scope.',
    )
  }
}

function tenantIn(scope: Scope | undefined): TenantScope | undefined {
  return scope?.kind === 'tenant' ? scope : undefined
}

function boundAssign(tenancy: Tenancy): RequestState['assign'] {
  return {
    assign: tenancy.bind((tenant) => tenancy.assign(tenant)),
    assignWithoutTenant: tenancy.bind(() => tenancy.assignWithoutTenant()),
    assignSystem: tenancy.bind((reason: string) => tenancy.assignSystem(reason)),
  }
}
