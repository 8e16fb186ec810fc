import type { Type } from '@nestjs/common'
import type { Tenancy, TenantScope } from '@tenantry/core'
import type { TenantRequest, TenantResolver } from './tenant-resolver.ts'

/** The injection token of the application's `Tenancy`. */
export const TENANCY: unique symbol = Symbol.for('@tenantry/nestjs/tenancy')

/** The injection token of the {@link TenancyModuleOptions}. */
export const TENANCY_OPTIONS: unique symbol = Symbol.for('@tenantry/nestjs/options')

/** What `TenancyModule.forRoot` takes, and what a factory of `forRootAsync` returns. */
export interface TenancyModuleOptions {
  /** What `createTenancy` returned. */
  readonly tenancy: Tenancy
  /**
   * Who says for which tenant a request is. Of several, those that answer have to agree on the tenant: a token of one tenant
   * on another one's subdomain is refused with 403.
   */
  readonly resolve: TenantResolver | readonly TenantResolver[]
  /**
   * Whether the one who asks belongs to the tenant; all but `true` refuses with 403. It runs for that tenant, so that it may
   * ask the database for the tenant's members. It is asked once all guards have let the request pass, and know who asks; and
   * by `TenantGuard`, where you name it. The request does not act for the tenant before that.
   */
  readonly membership?: (tenant: TenantScope, request: TenantRequest) => boolean | Promise<boolean>
  /** Controllers of other packages that act for no tenant, as if they had `@WithoutTenant()`. */
  readonly exclude?: readonly Type<unknown>[]
}

/** A class that makes the options, for `forRootAsync({ useClass })` and `forRootAsync({ useExisting })`. */
export interface TenancyOptionsFactory {
  createTenancyOptions(): TenancyModuleOptions | Promise<TenancyModuleOptions>
}
