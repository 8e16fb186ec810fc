import { Table, type QueryRunner } from 'typeorm'
import { tenantColumn } from './tenant-column.ts'
import { enableTenantIsolation, type TenantIsolationOptions } from './tenant-isolation.ts'

/** What {@link createResultCacheTable} takes. */
export interface ResultCacheTableOptions extends Omit<TenantIsolationOptions, 'kind' | 'column'> {
  /** Its name, as in `cache: { tableName }`; `'query-result-cache'` by default. */
  readonly tableName?: string
}

/**
 * For a migration: the table in which `cache: true` keeps results, as TypeORM makes it, isolated by tenant. The one that
 * TypeORM makes itself lets any statement of any tenant read what all of them have cached.
 *
 * @param queryRunner what the migration is given, of the role that owns the tables
 * @param options what differs from tenant ids of type uuid, for `tenantry_app`
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * async function up(queryRunner: QueryRunner): Promise<void> {
 *   await createResultCacheTable(queryRunner)
 * }
 * async function down(queryRunner: QueryRunner): Promise<void> {
 *   await queryRunner.dropTable('query-result-cache')
 * }
 * ```
 */
export async function createResultCacheTable(
  queryRunner: QueryRunner,
  options: ResultCacheTableOptions = {},
): Promise<void> {
  const { tableName = 'query-result-cache', ...isolation } = options
  const tenant = tenantColumn()
  await queryRunner.createTable(
    new Table({
      name: tableName,
      columns: [
        { name: tenant.name, type: isolation.tenantId ?? tenant.type, default: tenant.default() },
        // An identity rather than TypeORM's serial, whose sequence the application would need a right to.
        { name: 'id', type: 'integer', isPrimary: true, isGenerated: true, generationStrategy: 'identity' },
        { name: 'identifier', type: 'character varying', isNullable: true },
        { name: 'time', type: 'bigint' },
        { name: 'duration', type: 'integer' },
        { name: 'query', type: 'text' },
        { name: 'result', type: 'text' },
      ],
      indices: [{ columnNames: [tenant.name, 'identifier'] }],
    }),
  )
  await enableTenantIsolation(queryRunner, tableName, isolation)
}
