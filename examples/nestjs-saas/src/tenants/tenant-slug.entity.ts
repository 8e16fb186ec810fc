import { TenantColumn } from '@tenantry/typeorm'
import { Entity, PrimaryColumn, Unique } from 'typeorm'

/** Which tenant a subdomain is. */
@Entity('tenant_slugs')
@Unique('tenant_slugs_tenant_key', ['tenantId'])
export class TenantSlug {
  @PrimaryColumn('text')
  slug!: string

  @TenantColumn()
  tenantId!: string
}
