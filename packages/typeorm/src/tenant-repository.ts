import { TenantryError, type Tenancy } from '@tenantry/core'
import {
  Repository,
  type DataSource,
  type EntityManager,
  type EntityTarget,
  type ObjectLiteral,
} from 'typeorm'
import { checkEntity, isObject, relatedTo, type EntityChange } from './check-entity.ts'
import { tenancyOf } from './data-source-tenancy.ts'
import { findTenantColumn, type EntityMetadata } from './find-tenant-column.ts'

type RepositoryClass<Entity extends ObjectLiteral, Made> = new (
  target: EntityTarget<Entity>,
  manager: EntityManager,
) => Made

type AnyRepository = Repository<ObjectLiteral>
type Method = (this: AnyRepository, ...values: unknown[]) => unknown

const original = Repository.prototype as unknown as Readonly<Record<string, Method>>

/** A method that takes entities, or values to set, at a position. */
function writing(
  name: string,
  action: EntityChange['action'],
  position = 0,
): Readonly<Record<string, Method>> {
  const method = original[name]
  // 0.3.20 does not have all of them.
  if (method === undefined) return {}
  return {
    async [name](...values) {
      prepare(this, action, values[position])
      return method.apply(this, values)
    },
  }
}

const methods: Readonly<Record<string, Method>> = {
  create(...values) {
    const created = original['create']?.apply(this, values)
    prepare(this, 'insert', created)
    return created
  },
  merge(entity, ...others) {
    const { metadata, tenancy, tenantId } = tenantOf(this)
    for (const other of others) {
      if (tenantId !== undefined && isObject(other))
        checkEntity(tenancy, { action: 'insert', metadata, entity: other })
    }
    return original['merge']?.apply(this, [entity, ...others])
  },
  async preload(values) {
    const copy = isObject(values) ? { ...values } : values
    prepare(this, 'insert', copy)
    return original['preload']?.apply(this, [copy])
  },
  ...writing('save', 'insert'),
  ...writing('insert', 'insert'),
  ...writing('upsert', 'insert'),
  ...writing('remove', 'remove'),
  ...writing('softRemove', 'remove'),
  ...writing('recover', 'remove'),
  ...writing('update', 'update', 1),
  ...writing('updateAll', 'update'),
}

/**
 * A repository whose entities carry their tenant before they are saved, and which refuses another tenant's in code, before
 * anything is sent. It has the methods and types of TypeORM's `Repository`.
 *
 * `create` and `merge`, and whatever writes entities, fill in the tenant of the scope: in the entity itself and in those that it
 * holds in its relations. So a composite key is complete, and `save` finds the row. As the system, which has no tenant,
 * entities stay as they are.
 *
 * @throws TenantMismatchError from whatever takes an entity, if it carries another tenant
 * @throws TenantRequiredError from whatever takes an entity, without a tenant to fill in
 * @throws TenantryError `INVALID_CONFIG` for an entity without a `@TenantColumn()`, and for a data source without a tenancy
 * @example
 * ```ts no-run
 * const projects = TenantRepository.of(dataSource, Project)
 * await tenancy.run(tenantId, async () => {
 *   const project = projects.create({ name: 'Launch' })
 *   console.log(project.tenantId) // tenantId
 *   await projects.save(project)
 * })
 * await dataSource.transaction((manager) => manager.withRepository(projects).insert({ name: 'Move' }))
 * ```
 */
export class TenantRepository<Entity extends ObjectLiteral> extends Repository<Entity> {
  /**
   * The repository of an entity, of this class or the one that it is called on.
   *
   * @param source a data source, or the `EntityManager` of a transaction
   * @param target the entity's class, schema or name
   * @example
   * ```ts no-run
   * class ProjectRepository extends TenantRepository<Project> {
   *   findActive() {
   *     return this.findBy({ status: 'active' })
   *   }
   * }
   * const projects = ProjectRepository.of(dataSource, Project)
   * ```
   */
  static of<Entity extends ObjectLiteral, Made extends TenantRepository<Entity> = TenantRepository<Entity>>(
    this: RepositoryClass<Entity, Made>,
    source: DataSource | EntityManager,
    target: EntityTarget<Entity>,
  ): Made {
    return new this(target, 'manager' in source ? source.manager : source)
  }

  // Rather than overridden, so that the types are those of the TypeORM release that is installed. Subclasses override
  // them, and call `super`, as ever.
  static {
    for (const [name, value] of Object.entries(methods)) {
      Object.defineProperty(this.prototype, name, { configurable: true, writable: true, value })
    }
  }
}

/** Refuses another tenant, and fills in that of the scope, which updates leave out. */
function prepare(repository: AnyRepository, action: EntityChange['action'], values: unknown): void {
  const { metadata, tenancy, tenantId } = tenantOf(repository)
  for (const entity of [values].flat()) {
    if (!isObject(entity)) continue
    if (tenantId !== undefined && action !== 'update') fill(metadata, entity, tenantId, new Set())
    // Whether the system inserts or updates shows when it is saved, and the guard of the data source looks then.
    if (tenantId !== undefined || action === 'update') checkEntity(tenancy, { action, metadata, entity })
  }
}

/** The tenant of the scope; undefined as the system. */
function tenantOf(repository: AnyRepository): {
  metadata: EntityMetadata
  tenancy: Tenancy
  tenantId: string | undefined
} {
  const { manager, metadata } = repository
  // 0.3 and 1.x have other names for it.
  const { dataSource = manager.connection } = manager as { dataSource?: DataSource }
  const tenancy = tenancyOf(dataSource)
  if (findTenantColumn(metadata) === undefined) {
    throw new TenantryError({
      code: 'INVALID_CONFIG',
      message: `${metadata.name} has no @TenantColumn(): give it one, or use TypeORM's own Repository for it.`,
    })
  }
  return {
    metadata,
    tenancy,
    tenantId: tenancy.current()?.kind === 'system' ? undefined : tenancy.tenantId(),
  }
}

function fill(metadata: EntityMetadata, entity: object, tenantId: string, seen: Set<object>): void {
  if (seen.has(entity)) return
  seen.add(entity)
  const column = findTenantColumn(metadata)
  if (column !== undefined && column.getEntityValue(entity) === undefined) {
    column.setEntityValue(entity, tenantId)
  }
  for (const related of relatedTo(metadata, entity)) fill(related.metadata, related.entity, tenantId, seen)
}
