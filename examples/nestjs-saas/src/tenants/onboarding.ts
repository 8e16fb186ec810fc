import { randomUUID } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { hashPassword } from '../access/password.ts'
import { CONFIGURATION, type Configuration } from '../configuration.ts'
import { Project } from '../projects/project.entity.ts'
import { tenancy } from '../tenancy.ts'
import { User } from '../users/user.entity.ts'
import type { CreatedTenant, NewTenant } from './new-tenant.ts'
import { TenantSlug } from './tenant-slug.entity.ts'
import { Tenant } from './tenant.entity.ts'

/** A new tenant, with its first administrator and a project to begin with: all of it, or nothing. */
@Injectable()
export class Onboarding {
  readonly #dataSource: DataSource
  readonly #passwordCost: number

  constructor(
    @Inject(DataSource) dataSource: DataSource,
    @Inject(CONFIGURATION) { passwordCost }: Configuration,
  ) {
    this.#dataSource = dataSource
    this.#passwordCost = passwordCost
  }

  /** Needs no privilege: whoever runs as a new id may insert the tenant of that id, and nobody has guessed a new UUID. */
  async createTenant({ name, slug, administrator }: NewTenant): Promise<CreatedTenant> {
    const id = randomUUID()
    const { password, ...values } = administrator
    // Before the transaction, which should not keep a connection while it computes.
    const passwordHash = await hashPassword(password, this.#passwordCost)
    await tenancy.run(id, () =>
      this.#dataSource.transaction(async (manager) => {
        await manager.insert(Tenant, { id, name })
        await manager.insert(TenantSlug, { slug })
        await manager.insert(User, { ...values, role: 'admin', passwordHash })
        await manager.insert(Project, { name: 'First project' })
      }),
    )
    return { id, name, slug }
  }
}
