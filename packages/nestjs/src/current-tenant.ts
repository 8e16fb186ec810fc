import { createParamDecorator, Inject, Injectable } from '@nestjs/common'
import type { PipeTransform } from '@nestjs/common'
import type { Tenancy } from '@tenantry/core'
import { TENANCY } from './tenancy-module-options.ts'

// A pipe, because only that is given the tenancy: a decorator has nothing but the request.
@Injectable()
class CurrentTenantPipe implements PipeTransform<unknown, string> {
  readonly #tenancy: Tenancy

  constructor(@Inject(TENANCY) tenancy: Tenancy) {
    this.#tenancy = tenancy
  }

  transform(): string {
    return this.#tenancy.tenantId()
  }
}

const tenantParameter = createParamDecorator(() => undefined)

/**
 * The id of the tenant that the handler acts for, as text. For what the handler says, not for its statements: those are
 * scoped already. Where there is no tenant the request ends with 401.
 *
 * @example
 * ```ts no-run
 * @Get('whoami')
 * whoami(@CurrentTenant() tenantId: string) {
 *   return { tenantId }
 * }
 * ```
 */
export function CurrentTenant(): ParameterDecorator {
  return tenantParameter(CurrentTenantPipe)
}
