import { TenantryError } from '@tenantry/core'
import { BaseEntity, type DataSource } from 'typeorm'
import { afterMetadata } from './after-metadata.ts'
import { hasTenancy } from './data-source-tenancy.ts'

type ActiveRecord = typeof BaseEntity

/** The data source of each entity class, which `Project.find()` and `project.save()` use. */
const dataSources = new WeakMap<object, DataSource | null | undefined>()

/**
 * Keeps the entities of a data source that extend `BaseEntity` with it. They have one data source for the process, the last
 * one initialised: with a second one that is not scoped by tenant, `Project.find()` is all tenants' rows.
 *
 * Such a one is refused from then on, until the scoped one is destroyed.
 *
 * @param dataSource one that has a tenancy
 */
export function refuseForeignActiveRecord(dataSource: DataSource): void {
  afterMetadata(dataSource, () => {
    for (const { target } of dataSource.entityMetadatas) {
      if (isActiveRecord(target)) keep(target, dataSource)
    }
  })
}

/** An entity class with the methods of `BaseEntity`. */
function isActiveRecord(target: unknown): target is ActiveRecord {
  return typeof target === 'function' && target.prototype instanceof BaseEntity
}

function keep(target: ActiveRecord, dataSource: DataSource): void {
  dataSources.set(target, dataSource)
  Object.defineProperty(target, 'dataSource', {
    configurable: true,
    enumerable: true,
    get(this: ActiveRecord) {
      return dataSources.get(this) ?? dataSources.get(target)
    },
    set(this: ActiveRecord, other: DataSource | null | undefined) {
      const current = dataSources.get(this) ?? dataSources.get(target)
      if (current?.isInitialized === true && other && !hasTenancy(other)) {
        throw refusal(this)
      }
      dataSources.set(this, other)
    },
  })
}

function refusal({ name }: ActiveRecord): TenantryError {
  return new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `The entity ${name} extends BaseEntity, and a data source that is not scoped by tenant would become the one of ` +
      `${name}.find() everywhere. Give it no such entities (migrations need none), destroy it before the scoped one is ` +
      'initialised, or use tenancy.asSystem(reason, fn) for work across tenants.',
  })
}
