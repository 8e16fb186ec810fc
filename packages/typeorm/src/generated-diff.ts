import { TableUnique, type Driver, type EntityMetadata, type Table } from 'typeorm'

/** How the names of all objects begin that Tenantry makes. */
const PREFIX = 'tenantry_'

interface SchemaBuilder {
  queryRunner?: TableLoader
}

interface TableLoader {
  loadTables(names?: string[]): Promise<Table[]>
}

/**
 * Lets TypeORM's comparison of entities and tables see the tables as they would be without Tenantry; it would drop what
 * no entity names. A key, foreign key or index of the name `tenantry_…` that took the place of an entity's own, with the
 * tenant in front, is shown as that one. All others, and the tenant's column where no entity has it (the tables of
 * many-to-many relations and of closures), are not shown.
 *
 * Only schema builders are told so: a migration that asks its query runner for a table gets all of it.
 */
export function hideFromGeneratedDiff(
  driver: Driver,
  tenantColumn: string,
  entityMetadatas: () => readonly EntityMetadata[],
): void {
  const createSchemaBuilder = driver.createSchemaBuilder.bind(driver)
  driver.createSchemaBuilder = () => {
    const builder = createSchemaBuilder()
    let queryRunner: TableLoader | undefined
    // It makes one for each comparison, and says so to nobody.
    Object.defineProperty(builder as SchemaBuilder, 'queryRunner', {
      configurable: true,
      get: () => queryRunner,
      set(made: TableLoader) {
        queryRunner = made
        const loadTables = made.loadTables.bind(made)
        made.loadTables = async (names) => {
          const tables = await loadTables(names)
          for (const table of tables) {
            const entity = findEntity(driver, table, entityMetadatas())
            if (entity !== undefined) showAsBefore(table, tenantColumn, entity)
          }
          return tables
        }
      },
    })
    return builder
  }
}

function findEntity(
  driver: Driver,
  table: Table,
  entityMetadatas: readonly EntityMetadata[],
): EntityMetadata | undefined {
  const place = (target: EntityMetadata | Table): string => {
    const { schema, tableName } = driver.parseTableName(target)
    return JSON.stringify([schema, tableName])
  }
  const name = place(table)
  return entityMetadatas.find((entity) => place(entity) === name)
}

function showAsBefore(table: Table, tenantColumn: string, entity: EntityMetadata): void {
  const withoutTenant = (columns: readonly string[]): string[] =>
    columns.filter((name) => name !== tenantColumn)

  table.foreignKeys = shown(table.foreignKeys, entity.foreignKeys, (key, own) => {
    if (action(key.onDelete) !== action(own.onDelete) || action(key.onUpdate) !== action(own.onUpdate))
      return false
    key.columnNames = withoutTenant(key.columnNames)
    key.referencedColumnNames = withoutTenant(key.referencedColumnNames)
    return true
  })
  // A plan makes a unique index of a unique constraint.
  for (const { name } of entity.uniques) {
    const index = table.indices.find((each) => each.isUnique && each.name === PREFIX + name)
    if (index === undefined) continue
    const columnNames = withoutTenant(index.columnNames)
    table.addUniqueConstraint(new TableUnique({ name, columnNames }))
    const column = columnNames.length === 1 ? table.findColumnByName(columnNames[0] ?? '') : undefined
    if (column !== undefined) column.isUnique = true
  }
  table.indices = shown(table.indices, entity.indices, (index, own) => {
    if (index.isUnique !== own.isUnique || (index.where ?? '') !== (own.where ?? '')) return false
    index.columnNames = withoutTenant(index.columnNames)
    return true
  })
  table.uniques = shown(table.uniques, [], () => true)
  table.checks = shown(table.checks, [], () => true)

  const ofEntity = entity.columns.find(({ databaseName }) => databaseName === tenantColumn)
  if (ofEntity === undefined) {
    table.columns = table.columns.filter(({ name }) => name !== tenantColumn)
    return
  }
  const column = table.columns.find(({ name }) => name === tenantColumn)
  if (column?.primaryKeyConstraintName?.startsWith(PREFIX) === true) column.isPrimary = ofEntity.isPrimary
}

function action(given: string | undefined): string {
  return given ?? 'NO ACTION'
}

/**
 * What is not Tenantry's, and what took the place of an entity's own, under the name of that.
 *
 * @param ownOnes the entity's own
 * @param rewrite makes of an object with the tenant the one without; `false` if it differs in more, for then a migration
 *   has to drop it by its real name
 */
function shown<Named extends { name?: string | undefined }, Own extends { readonly name: string }>(
  objects: readonly Named[],
  ownOnes: readonly Own[],
  rewrite: (object: Named, own: Own) => boolean,
): Named[] {
  return objects.filter((object) => {
    if (object.name?.startsWith(PREFIX) !== true) return true
    const before = object.name.slice(PREFIX.length)
    const own = ownOnes.find(({ name }) => name === before)
    if (own === undefined) return false
    if (rewrite(object, own)) object.name = before
    return true
  })
}
