import { Inject, Injectable } from '@nestjs/common'
import type { ExecutionContext } from '@nestjs/common'
import { TenantMismatchError, TenantRequiredError } from '@tenantry/core'
import type { Scope, Tenancy, TenantScope } from '@tenantry/core'
import type { EventEmitter } from 'node:events'
import { checkMembership, isAnswered, resolveTenant, type TenantAnswers } from './resolve-tenant.ts'
import { routeAccess, type RouteAccess } from './route-access.ts'
import { TENANCY_OPTIONS, type TenancyModuleOptions } from './tenancy-module-options.ts'
import { httpRequestOf, isConnection, nodeRequestOf } from './tenant-request.ts'
import type { TenantRequest } from './tenant-resolver.ts'

/** What is known of one request. */
interface RequestState {
  /** Assigns in the scope that the middleware opened, whatever has been opened within it since. */
  readonly assign: Pick<Tenancy, 'assign' | 'assignWithoutTenant' | 'assignSystem'>
  /** The tenant of a scope that was open before. */
  readonly outer: TenantScope | undefined
  readonly answers: TenantAnswers
  /** What the request acts as, once nothing is left to be asked. */
  settled: Scope | undefined
}

/**
 * When a tenant is asked for: ahead of the guards of controllers, where a guard names {@link TenantGuard}, or once all guards
 * have let the request pass.
 */
export type Pass = 'early' | 'named' | 'last'

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
   * Assigns the scope of the route, as far as it is known. Rights across tenants are given in the last pass only, and a route
   * that needs a tenant does not go beyond it without one.
   *
   * @throws TenantRequiredError
   * @throws TenantMismatchError
   * @throws InvalidTenantIdError
   */
  settle(context: ExecutionContext, pass: Pass): Promise<void> | undefined {
    return pass === 'last' && this.#isSettled(context) ? undefined : this.#settle(context, pass)
  }

  /** Most requests are, once their guards have passed. Those of GraphQL have routes of their own for each field. */
  #isSettled(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return false
    const settled = this.#states.get(nodeRequestOf(context.getArgByIndex<object>(0)))?.settled
    return settled !== undefined && settled === this.#options.tenancy.current()
  }

  async #settle(context: ExecutionContext, pass: Pass): Promise<void> {
    const request = httpRequestOf(context)
    if (request === undefined) return
    const access = routeAccess(context, this.#options.exclude)
    const state = this.#states.get(nodeRequestOf(request.raw))
    if (access !== undefined) this.#assignAccess(access, state, pass)
    else await this.#assignTenant(request, state, pass)
  }

  #assignAccess(access: RouteAccess, state: RequestState | undefined, pass: Pass): void {
    const { assign } = state ?? { assign: this.#options.tenancy }
    if (access.kind === 'none') {
      assign.assignWithoutTenant()
    } else if (pass === 'last') {
      assign.assignSystem(access.reason)
    } else {
      return
    }
    this.#confirm(this.#options.tenancy.current()?.kind === access.kind)
  }

  async #assignTenant(request: TenantRequest, state: RequestState | undefined, pass: Pass): Promise<void> {
    const { tenancy, membership } = this.#options
    const current = tenantIn(tenancy.current())
    if (current !== undefined && isConnection(request)) {
      // Refused unless the scope was assigned, as tenantSubscriptions does after it has asked what is asked below.
      tenancy.assign(current.values)
      return
    }
    const known = current ?? state?.outer
    const tenant = await resolveTenant(this.#options, request, state?.answers, known)
    if (tenant === undefined) {
      if (pass !== 'last') return
      throw new TenantRequiredError(
        'No resolver of TenancyModule knows for which tenant this request is. Send what they read, such as a token with the ' +
          'tenant, or mark the route with @WithoutTenant().',
      )
    }
    if (membership !== undefined) {
      // Who asks may not be known yet: a guard may still find a user whom the answer about nobody does not cover.
      if (pass === 'early') return
      await checkMembership(this.#options, tenant, request)
    }
    const { assign } = state ?? { assign: tenancy }
    assign.assign(tenant.values)
    const scope = tenancy.current()
    this.#confirm(scope?.kind === 'tenant' && scope.tenantId === tenant.tenantId)
    const isKnown = membership === undefined && isAnswered(this.#options, state?.answers ?? [])
    if (state !== undefined && (isKnown || pass === 'last')) state.settled = scope
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
