import { CacheInterceptor } from '@nestjs/cache-manager'
import { Inject, Injectable, type CallHandler, type ExecutionContext } from '@nestjs/common'
import type { Tenancy } from '@tenantry/core'
import type { Observable } from 'rxjs'
import { RequestTenants } from '../request-tenants.ts'
import { TENANCY } from '../tenancy-module-options.ts'
import { settle } from '../tenant-guard.ts'
import { tenantCacheKey } from './tenant-cache-key.ts'

/**
 * Nest's `CacheInterceptor` with responses kept apart by scope: tenant and every setting. Nest's own finds them by their
 * URL, so that one tenant gets the response of another. `@CacheKey` and `@CacheTTL` work as ever.
 *
 * Responses that differ between the users of a tenant need the user among the settings of the tenancy. Without any scope
 * nothing is cached.
 *
 * @example
 * ```ts no-run
 * @Controller('projects')
 * @UseInterceptors(TenantCacheInterceptor)
 * export class ProjectsController {}
 * ```
 */
@Injectable()
export class TenantCacheInterceptor extends CacheInterceptor {
  @Inject(TENANCY) protected readonly tenancy!: Tenancy
  @Inject(RequestTenants) private readonly requestTenants!: RequestTenants

  override async intercept(
    context: ExecutionContext,
    next: CallHandler<unknown>,
  ): Promise<Observable<unknown>> {
    // A global one runs before the module's interceptor: what that would refuse is not to be found in the cache.
    await settle(this.requestTenants, context, 'last')
    return super.intercept(context, next)
  }

  protected override trackBy(context: ExecutionContext): string | undefined {
    // A factory given to `@CacheKey` may return a promise, although its type does not say so.
    const key: unknown = super.trackBy(context)
    if (key instanceof Promise) {
      return key.then((known: unknown) => this.#scoped(known)) as unknown as string
    }
    return this.#scoped(key)
  }

  #scoped(key: unknown): string | undefined {
    if (typeof key !== 'string' || key === '' || this.tenancy.current() === undefined) return undefined
    return tenantCacheKey(this.tenancy, key)
  }
}
