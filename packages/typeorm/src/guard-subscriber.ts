import type { Tenancy } from '@tenantry/core'
import type { DataSource, EntitySubscriberInterface } from 'typeorm'
import { afterMetadata } from './after-metadata.ts'
import { checkEntity, type EntityChange } from './check-entity.ts'
import { setTenancy } from './data-source-tenancy.ts'
import { guardManagers } from './guard-managers.ts'

/** What TypeORM tells of a change. Query builders have no rows, and those that remove no entity. */
type Event = Omit<EntityChange, 'action'>

/**
 * Refuses entities of another tenant before they are inserted, updated, removed, soft-removed or recovered. TypeORM itself
 * drops a changed tenant id from an update without a word, removes nothing without a word, and saves another tenant's
 * entity as a new row.
 *
 * Rejections rather than exceptions, so that no other subscriber's promise is left behind.
 */
class TenantGuard implements EntitySubscriberInterface<object> {
  readonly #tenancy: Tenancy

  constructor(tenancy: Tenancy) {
    this.#tenancy = tenancy
  }

  async beforeInsert({ metadata, entity }: Event): Promise<void> {
    checkEntity(this.#tenancy, { action: 'insert', metadata, entity })
  }

  async beforeUpdate({ metadata, entity, databaseEntity }: Event): Promise<void> {
    checkEntity(this.#tenancy, { action: 'update', metadata, entity, databaseEntity })
  }

  async beforeRemove({ metadata, entity }: Event): Promise<void> {
    checkEntity(this.#tenancy, { action: 'remove', metadata, entity })
  }

  beforeSoftRemove(event: Event): Promise<void> {
    return this.beforeRemove(event)
  }

  beforeRecover(event: Event): Promise<void> {
    return this.beforeRemove(event)
  }
}

/**
 * Adds the guard to a data source, after its own subscribers, and again whenever `initialize()` makes those anew.
 *
 * @param dataSource of a pool that is scoped by `tenancy`
 */
export function guardEntities(dataSource: DataSource, tenancy: Tenancy): void {
  setTenancy(dataSource, tenancy)
  guardManagers(dataSource, tenancy)
  const guard = new TenantGuard(tenancy)
  afterMetadata(dataSource, () => void dataSource.subscribers.push(guard))
}
