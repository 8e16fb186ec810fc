import { Body, Controller, Inject, Post } from '@nestjs/common'
import { ApiConflictResponse, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { WithoutTenant } from '@tenantry/nestjs'
import { AccessFor } from '../access/access-for.ts'
import { CreatedTenant, NewTenant } from './new-tenant.ts'
import { Onboarding } from './onboarding.ts'

@ApiTags('tenants')
@Controller('tenants')
export class TenantsController {
  readonly #onboarding: Onboarding

  constructor(@Inject(Onboarding) onboarding: Onboarding) {
    this.#onboarding = onboarding
  }

  @Post()
  @AccessFor('visitors')
  @WithoutTenant()
  @ApiOperation({ summary: 'A new tenant, with its first administrator and a project', security: [] })
  @ApiCreatedResponse({ type: CreatedTenant })
  @ApiConflictResponse({ description: 'The slug is taken' })
  create(@Body() tenant: NewTenant): Promise<CreatedTenant> {
    return this.#onboarding.createTenant(tenant)
  }
}
