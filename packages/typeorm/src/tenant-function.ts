import { tenantFunctionIsolation, type IsolationOptions } from '@tenantry/policies'
import type { QueryRunner } from 'typeorm'
import { runStatements } from './run-statements.ts'

/**
 * For the first migration: the schema `tenantry` with the function `tenantry.tenant_id()`, which tenants' columns take
 * their default from. Not needed where a plan of `@tenantry/policies` has made it.
 *
 * @param queryRunner what the migration is given
 * @param options what differs from a uuid, read from `app.current_tenant_id`, for `tenantry_app`
 * @throws {TenantryError} `INVALID_TENANCY` for options that are no names, types or settings
 *
 * @example
 * ```ts no-run
 * export class Tenants1700000000000 implements MigrationInterface {
 *   async up(queryRunner: QueryRunner): Promise<void> {
 *     await createTenantFunction(queryRunner, { tenantId: 'uuid' })
 *     await queryRunner.query('CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL)')
 *     await enableTenantIsolation(queryRunner, 'tenants', { kind: 'root' })
 *   }
 * }
 * ```
 */
export function createTenantFunction(
  queryRunner: QueryRunner,
  options: IsolationOptions = {},
): Promise<void> {
  return runStatements(queryRunner, tenantFunctionIsolation(options).enable)
}

/**
 * Takes back what {@link createTenantFunction} made, once no default calls it.
 *
 * @param queryRunner what the migration is given
 *
 * @example
 * ```ts no-run
 * async function down(queryRunner: QueryRunner): Promise<void> {
 *   await queryRunner.dropTable('tenants')
 *   await dropTenantFunction(queryRunner)
 * }
 * ```
 */
export function dropTenantFunction(queryRunner: QueryRunner): Promise<void> {
  return runStatements(queryRunner, tenantFunctionIsolation().disable)
}
