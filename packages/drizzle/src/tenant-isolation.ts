import { DEFAULT_TENANT_SETTING, TenantryError } from '@tenantry/core'
import { sql } from 'drizzle-orm'
import { pgPolicy, type AnyPgColumn, type PgPolicy, type PgRole } from 'drizzle-orm/pg-core'
import { siblingColumn } from './sibling-column.ts'

/** What {@link tenantIsolation} takes. */
export interface TenantIsolationConfig {
  /** The role that the application connects as. */
  readonly role: string | PgRole
  /** The setting that carries the tenant's id, as given to `createTenancy`; `'app.current_tenant_id'` by default. */
  readonly setting?: string
  /**
   * Whether rows without a tenant belong to everybody: read by every tenant, written by none. A plan calls such a table
   * `'shared+tenant'`.
   */
  readonly shared?: boolean
}

/** The type to cast a setting to, by the type of the column as Drizzle names it; '' for none, which text needs. */
const CASTS: ReadonlyMap<string, string> = new Map([
  ['uuid', '::uuid'],
  ['bigint', '::bigint'],
  ['bigserial', '::bigint'],
  ['integer', '::integer'],
  ['serial', '::integer'],
  ['smallint', '::smallint'],
  ['smallserial', '::smallint'],
  ['text', ''],
  ['varchar', ''],
])

const SETTING = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)+$/i

/**
 * The policies of a tenant's table, for its extras: `tenantry_allow` lets the application reach its tenant's rows, and
 * `tenantry_floor` keeps any policy added later from letting anybody reach more. They are those that a plan of
 * `@tenantry/policies` makes, so that it has nothing to do.
 *
 * drizzle-kit switches row-level security on with them, but not on for the table's owner: that takes
 * `ALTER TABLE … FORCE ROW LEVEL SECURITY` in a migration of its own, which `pool.verify()` asks for.
 *
 * @param column the tenant's column; of the table of tenants itself, its id
 * @throws TenantryError `INVALID_CONFIG` for a column of a type that tenant ids do not have
 * @throws TenantryError `INVALID_SETTING` for a setting that is not of the form `prefix.name`
 * @example
 * ```ts no-run
 * const projects = pgTable('projects', { tenantId: tenantId(), id: uuid().notNull() }, (table) => [
 *   primaryKey({ columns: [table.tenantId, table.id] }),
 *   ...tenantIsolation(table.tenantId, { role: 'app' }),
 * ])
 * const templates = pgTable('templates', { tenantId: tenantId({ shared: true }) }, (table) =>
 *   tenantIsolation(table.tenantId, { role: 'app', shared: true }),
 * )
 * ```
 */
export function tenantIsolation(column: AnyPgColumn, config: TenantIsolationConfig): PgPolicy[] {
  const { role, setting = DEFAULT_TENANT_SETTING, shared = false } = config
  if (!SETTING.test(setting)) {
    throw new TenantryError({
      code: 'INVALID_SETTING',
      message: `"${setting.slice(0, 64)}" is not the name of a setting: use the form prefix.name, such as app.current_tenant_id.`,
    })
  }
  // Written out rather than as a call of tenantry.tenant_id(), because PostgreSQL inlines that at every planning.
  const tenant = sql.raw(`(SELECT nullif(current_setting('${setting}', true), '')${castFor(column)})`)
  const name = sql.identifier(column.name)
  const own = sql`${name} = ${tenant}`
  const conditions = { using: shared ? sql`${name} IS NULL OR ${own}` : own, withCheck: own }
  const floor = { as: 'restrictive', to: 'public' } as const
  return [
    pgPolicy('tenantry_allow', { as: 'permissive', to: role, for: 'all', ...conditions }),
    pgPolicy('tenantry_floor', { ...floor, for: 'all', ...conditions }),
    // What is readable is not yet to be changed.
    ...(shared
      ? [
          pgPolicy('tenantry_floor_delete', { ...floor, for: 'delete', using: own }),
          pgPolicy('tenantry_floor_update', { ...floor, for: 'update', using: own, withCheck: own }),
        ]
      : []),
  ]
}

function castFor(column: AnyPgColumn): string {
  // In extras, columns of Drizzle 0.45 do not know their own type.
  const type = siblingColumn(column, column.name)?.getSQLType().replace(/\(.*/, '') ?? 'unknown'
  const cast = CASTS.get(type)
  if (cast !== undefined) return cast
  throw new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `tenantIsolation() got the column "${column.name}" of type ${type}; tenant ids are of type uuid, bigint, integer, ` +
      'smallint, text or varchar.',
  })
}
