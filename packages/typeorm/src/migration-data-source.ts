import { DataSource, type EntityMetadata } from 'typeorm'
import { hideFromGeneratedDiff } from './generated-diff.ts'
import type { PostgresOptions } from './tenant-data-source-options.ts'

/** What {@link MigrationDataSource} takes: the options of a DataSource for PostgreSQL, and the following. */
export interface MigrationDataSourceOptions extends PostgresOptions {
  /** The tenant's column in the database, `'tenant_id'` by default. */
  readonly tenantColumn?: string
}

/**
 * The `DataSource` of migrations: with the credentials of the role that owns the tables, on a plain pool, with no tenants.
 * For TypeORM's command line, and for `runMigrations()` before the application starts; never for its queries.
 *
 * `migration:generate` leaves alone what Tenantry made and no entity names. Entities that extend `BaseEntity` go on using
 * the data source they had.
 *
 * @example
 * ```ts no-run
 * export default new MigrationDataSource({
 *   type: 'postgres',
 *   url: process.env.OWNER_DATABASE_URL,
 *   entities: [Project],
 *   migrations: ['migrations/*.ts'],
 * })
 * ```
 */
export class MigrationDataSource extends DataSource {
  constructor(options: MigrationDataSourceOptions) {
    const { tenantColumn = 'tenant_id', ...others } = options
    super(others)
    hideFromGeneratedDiff(this.driver, tenantColumn, () => this.entityMetadatas)
  }

  // Whoever is initialized last has the ActiveRecord methods of all entities, here with the owner's rights.
  protected override async buildMetadatas(): Promise<void> {
    let metadatas: EntityMetadata[] = this.entityMetadatas
    let passedOver: (() => void)[] = []
    // Set after the entities are loaded, and before they are told of their data source.
    Object.defineProperty(this, 'entityMetadatas', {
      configurable: true,
      get: () => metadatas,
      set: (loaded: EntityMetadata[]) => {
        metadatas = loaded
        passedOver = loaded.map(({ target }) => passOver(target, this))
      },
    })
    try {
      await super.buildMetadatas()
    } finally {
      for (const restore of passedOver.toReversed()) restore()
      Object.defineProperty(this, 'entityMetadatas', {
        configurable: true,
        enumerable: true,
        writable: true,
        value: metadatas,
      })
    }
  }
}

/** Lets an entity with ActiveRecord methods not take this data source for its own; returns what ends it. */
function passOver(target: EntityMetadata['target'], dataSource: DataSource): () => void {
  const { useDataSource } = target as { useDataSource?: (given: DataSource | null) => void }
  if (typeof useDataSource !== 'function') return () => {}
  const own = Object.getOwnPropertyDescriptor(target, 'useDataSource')
  Object.defineProperty(target, 'useDataSource', {
    configurable: true,
    writable: true,
    value(this: unknown, given: DataSource | null) {
      if (given !== dataSource) useDataSource.call(this, given)
    },
  })
  return () => {
    if (own === undefined) Reflect.deleteProperty(target as object, 'useDataSource')
    else Object.defineProperty(target, 'useDataSource', own)
  }
}
