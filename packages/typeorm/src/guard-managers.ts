import type { Tenancy } from '@tenantry/core'
import {
  EntitySchema,
  type DataSource,
  type EntityManager,
  type EntityTarget,
  type ObjectLiteral,
} from 'typeorm'
import { checkEntity, isObject } from './check-entity.ts'

type Method = (...values: unknown[]) => Promise<unknown>

/**
 * Refuses entities of another tenant in `softRemove` and `recover` of every `EntityManager` of a data source. TypeORM looks
 * for their rows first, and calls no subscriber where it finds none.
 */
export function guardManagers(dataSource: DataSource, tenancy: Tenancy): void {
  const create = dataSource.createEntityManager.bind(dataSource)
  dataSource.createEntityManager = (queryRunner) => guardManager(dataSource, tenancy, create(queryRunner))
  guardManager(dataSource, tenancy, dataSource.manager)
}

function guardManager(dataSource: DataSource, tenancy: Tenancy, manager: EntityManager): EntityManager {
  const methods = manager as unknown as Record<'softRemove' | 'recover', Method>
  for (const name of ['softRemove', 'recover'] as const) {
    const method = methods[name].bind(manager)
    methods[name] = async (...values) => {
      const target = values.length > 1 && isTarget(values[0]) ? values[0] : undefined
      for (const entity of [target === undefined ? values[0] : values[1]].flat()) {
        if (!isObject(entity)) continue
        const of = target ?? entity.constructor
        // What is no entity is for TypeORM to refuse.
        if (!dataSource.hasMetadata(of)) continue
        checkEntity(tenancy, { action: 'remove', metadata: dataSource.getMetadata(of), entity })
      }
      return method(...values)
    }
  }
  return manager
}

/** As TypeORM tells an entity's class, schema or name from an entity. */
function isTarget(value: unknown): value is EntityTarget<ObjectLiteral> {
  return typeof value === 'function' || typeof value === 'string' || value instanceof EntitySchema
}
