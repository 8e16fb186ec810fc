import { DEFAULT_TENANT_SETTING, TenantryError } from '@tenantry/core'
import type { QueryRunner, Table } from 'typeorm'
import { findTable } from './find-table.ts'
import { quotedName } from './quoted-name.ts'
import { inTransaction } from './run-statements.ts'

/** What {@link forEachTenant} takes. */
export interface ForEachTenantOptions {
  /** The tables whose rows `fn` reads or changes. No row of any other is seen. */
  readonly tables: readonly (Table | string)[]
  /** The table with one row a tenant, `'tenants'` by default. */
  readonly tenantTable?: Table | string
  /** Its column with the tenant's id, `'id'` by default. */
  readonly tenantColumn?: string
  /** The setting that carries the tenant's id, `'app.current_tenant_id'` by default. */
  readonly setting?: string
}

/**
 * For a migration that changes rows of tables that are isolated already: calls `fn` once for each tenant, as that tenant.
 * The owner is held to policies too, so that a plain UPDATE would change no row, without an error. Here it sees the rows
 * of the one tenant in the given tables, and a column's default is that tenant's.
 *
 * All of it is one transaction, the migration's own or a new one, and locks the tables for its length: on large ones, a
 * statement for all tenants with FORCE lifted is quicker.
 *
 * @param queryRunner what the migration is given, of the role that owns the tables
 * @param options the tables, and what differs from `tenants.id` and `app.current_tenant_id`
 * @param fn changes the rows of one tenant; gets its id as text
 * @returns the number of tenants
 * @throws TenantryError `INVALID_CONFIG` for a table without the policy `tenantry_floor` or without FORCE, and for a role
 *   that policies do not hold for: each tenant's turn would change the rows of all
 *
 * @example
 * ```ts no-run
 * async function up(queryRunner: QueryRunner): Promise<void> {
 *   await forEachTenant(queryRunner, { tables: ['projects'] }, () =>
 *     queryRunner.query(`UPDATE projects SET status = 'open' WHERE status = 'active'`),
 *   )
 * }
 * ```
 */
export function forEachTenant(
  queryRunner: QueryRunner,
  options: ForEachTenantOptions,
  fn: (tenantId: string) => Promise<unknown>,
): Promise<number> {
  const { tables, tenantTable = 'tenants', tenantColumn = 'id', setting = DEFAULT_TENANT_SETTING } = options
  return inTransaction(queryRunner, async () => {
    await assertHeldToPolicies(queryRunner)
    const names: string[] = []
    for (const table of tables) names.push(await isolatedTable(queryRunner, table))
    const tenantIds = await tenantIdsOf(queryRunner, tenantTable, tenantColumn)
    const before = await currentSetting(queryRunner, setting)
    // The floor, which is restrictive, keeps the owner to the tenant of the setting.
    for (const name of names) {
      await queryRunner.query(
        `CREATE POLICY ${POLICY} ON ${name} TO CURRENT_USER USING (true) WITH CHECK (true)`,
      )
    }
    for (const tenantId of tenantIds) {
      await setSetting(queryRunner, setting, tenantId)
      await fn(tenantId)
    }
    await setSetting(queryRunner, setting, before)
    for (const name of names) await queryRunner.query(`DROP POLICY ${POLICY} ON ${name}`)
    return tenantIds.length
  })
}

const POLICY = 'tenantry_migration'

async function assertHeldToPolicies(queryRunner: QueryRunner): Promise<void> {
  const [role] = (await queryRunner.query(
    'SELECT rolname AS name FROM pg_catalog.pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)',
  )) as { name: string }[]
  if (role === undefined) return
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `forEachTenant() runs as ${role.name}, for which no policy holds: each tenant's turn would change the rows of all. ` +
      'Run migrations as the role that owns the tables, with neither SUPERUSER nor BYPASSRLS.',
  })
}

/** Its name in SQL, with a lock on it, so that its isolation stays what it was found to be. */
async function isolatedTable(queryRunner: QueryRunner, table: Table | string): Promise<string> {
  const name = await tableNamed(queryRunner, table)
  await queryRunner.query(`LOCK TABLE ${name}`)
  const [found] = (await queryRunner.query(
    `SELECT relrowsecurity AND relforcerowsecurity AND EXISTS (
       SELECT FROM pg_catalog.pg_policy
       WHERE polrelid = pg_class.oid AND polname = 'tenantry_floor' AND NOT polpermissive AND polcmd = '*' AND 0 = ANY (polroles)
     ) AS isolated
     FROM pg_catalog.pg_class WHERE oid = $1::regclass`,
    [name],
  )) as { isolated: boolean }[]
  if (found?.isolated === true) return name
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `forEachTenant() is given ${name}, which is not isolated (policy tenantry_floor, row level security enabled and ` +
      "forced): each tenant's turn would change the rows of all. Change it with a statement of its own, or call " +
      'enableTenantIsolation() first.',
  })
}

async function tenantIdsOf(
  queryRunner: QueryRunner,
  table: Table | string,
  column: string,
): Promise<readonly string[]> {
  const name = await tableNamed(queryRunner, table)
  const id = quotedName(column)
  // Rolled back to, so that its lock is not kept, with which nobody could sign in meanwhile.
  await queryRunner.query('SAVEPOINT tenantry_tenants')
  await queryRunner.query(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`)
  const rows = (await queryRunner.query(`SELECT ${id}::text AS id FROM ${name} ORDER BY ${id}`)) as {
    id: string
  }[]
  await queryRunner.query('ROLLBACK TO SAVEPOINT tenantry_tenants')
  await queryRunner.query('RELEASE SAVEPOINT tenantry_tenants')
  return rows.map((row) => row.id)
}

async function currentSetting(queryRunner: QueryRunner, setting: string): Promise<string> {
  const [found] = (await queryRunner.query(`SELECT coalesce(current_setting($1, true), '') AS value`, [
    setting,
  ])) as { value: string }[]
  return found?.value ?? ''
}

async function setSetting(queryRunner: QueryRunner, setting: string, value: string): Promise<void> {
  await queryRunner.query('SELECT set_config($1, $2, true)', [setting, value])
}

async function tableNamed(queryRunner: QueryRunner, table: Table | string): Promise<string> {
  const { schema, name } = await findTable(queryRunner, table)
  return quotedName(schema, name)
}
