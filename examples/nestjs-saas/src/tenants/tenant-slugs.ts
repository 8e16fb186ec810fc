import { Injectable } from '@nestjs/common'
import { InjectRepository } from '@nestjs/typeorm'
import type { Repository } from 'typeorm'
import { tenancy } from '../tenancy.ts'
import { TenantSlug } from './tenant-slug.entity.ts'

/** Subdomains that no tenant can have. */
export const RESERVED_SLUGS = ['admin', 'api', 'app', 'mail', 'www']

@Injectable()
export class TenantSlugs {
  readonly #slugs: Repository<TenantSlug>

  constructor(@InjectRepository(TenantSlug) slugs: Repository<TenantSlug>) {
    this.#slugs = slugs
  }

  /** The tenant of a subdomain. The policy shows the row of the slug in the scope, and no other. */
  async findTenantId(slug: string): Promise<string | undefined> {
    const found = await tenancy.withoutTenant({ slug }, () => this.#slugs.findOneBy({ slug }))
    return found?.tenantId
  }
}
