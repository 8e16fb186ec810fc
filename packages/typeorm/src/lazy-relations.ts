import { TenantMismatchError, TenantRequiredError, type Tenancy } from '@tenantry/core'
import type { DataSource } from 'typeorm'

type RelationLoader = DataSource['relationLoader']

/**
 * Keeps lazy relations in the scope in which their entity was read. TypeORM stores what it loads on the entity: read in
 * another tenant, a relation comes out empty and stays so, and the next `save` writes that into the row.
 *
 * It refuses by an exception out of the property: a rejection would be kept on the entity as well, and TypeORM leaves
 * another one of it unhandled, which ends the process.
 *
 * @param dataSource of a pool that is scoped by `tenancy`
 */
export function guardLazyRelations(dataSource: DataSource, tenancy: Tenancy): void {
  const loader = dataSource.relationLoader
  /** The scope that an entity was read in, or that it was first used in if the application made it. */
  const readIn = new WeakMap<object, string>()

  const enableLazyLoad: RelationLoader['enableLazyLoad'] = loader.enableLazyLoad.bind(loader)
  loader.enableLazyLoad = (relation, entity, queryRunner) => {
    const scope = tenancy.current()
    if (scope !== undefined) readIn.set(entity, scope.key)
    enableLazyLoad(relation, entity, queryRunner)
  }

  const load: RelationLoader['load'] = loader.load.bind(loader)
  loader.load = (relation, entities, queryRunner, ...rest) => {
    if (!relation.isLazy) return load(relation, entities, queryRunner, ...rest)
    const scope = tenancy.current()
    const name = `${relation.entityMetadata.name}.${relation.propertyName}`
    if (scope === undefined) {
      // On a connection that is held, a statement without a scope runs as that connection does.
      if (queryRunner?.isReleased === false) return load(relation, entities, queryRunner, ...rest)
      throw new TenantRequiredError(
        `The lazy relation ${name} was read without a scope. Read it inside tenancy.run(tenant, fn).`,
      )
    }
    for (const entity of [entities].flat() as object[]) {
      const key = readIn.get(entity)
      if (key === undefined) {
        readIn.set(entity, scope.key)
      } else if (key !== scope.key) {
        throw new TenantMismatchError(
          `The lazy relation ${name} was read in another scope than its entity: another tenant, or other settings. Read ` +
            'both in one scope, or load the relation with the entity.',
        )
      }
    }
    return load(relation, entities, queryRunner, ...rest)
  }
}
