import { TenantryError } from '@tenantry/core'
import { foreignKey, type AnyPgColumn, type ForeignKeyBuilder } from 'drizzle-orm/pg-core'
import { siblingColumn } from './sibling-column.ts'

/** What {@link tenantForeignKey} takes. */
export interface TenantForeignKeyConfig {
  /** The tenant's column of this table. The other table has one of the same name. */
  readonly tenant: AnyPgColumn
  /** The other columns, as for Drizzle's `foreignKey`. */
  readonly columns: readonly [AnyPgColumn, ...AnyPgColumn[]]
  readonly foreignColumns: readonly [AnyPgColumn, ...AnyPgColumn[]]
  readonly name?: string
}

/** What may happen to rows whose referenced row goes. Actions that set columns would set the tenant's too. */
type Action = 'cascade' | 'restrict' | 'no action'

/** A foreign key of Drizzle, without the actions that would take a row from its tenant. */
export interface TenantForeignKey extends ForeignKeyBuilder {
  onUpdate(action: Action): this
  onDelete(action: Action): this
}

/**
 * A foreign key that carries the tenant, for a table's extras: `(tenant_id, project_id)` to `(tenant_id, id)`. One
 * without it lets a row refer to another tenant's, as foreign keys are checked past row-level security. The other
 * table's key has to start with its tenant column.
 *
 * @throws TenantryError `INVALID_CONFIG` if the other table has no tenant column of that name, and for `set null` and
 *   `set default`, which would clear the tenant as well
 * @example
 * ```ts no-run
 * tenantForeignKey({
 *   tenant: table.tenantId,
 *   columns: [table.projectId],
 *   foreignColumns: [projects.id],
 * }).onDelete('cascade')
 * ```
 */
export function tenantForeignKey(config: TenantForeignKeyConfig): TenantForeignKey {
  const { tenant, columns, foreignColumns, name } = config
  const foreignTenant = siblingColumn(foreignColumns[0], tenant.name)
  if (foreignTenant === undefined) {
    throw invalid(
      `tenantForeignKey() found no column "${tenant.name}" in the table it refers to. Use foreignKey() of Drizzle for a ` +
        'table that belongs to no tenant.',
    )
  }
  const builder: ForeignKeyBuilder = foreignKey({
    columns: [tenant, ...columns],
    foreignColumns: [foreignTenant, ...foreignColumns],
    ...(name !== undefined && { name }),
  })
  for (const method of ['onUpdate', 'onDelete'] as const) {
    const original = builder[method].bind(builder)
    builder[method] = (action) => {
      if (action.startsWith('set')) {
        throw invalid(
          `A foreign key with the tenant cannot ${action}: it would do that to "${tenant.name}" too.`,
        )
      }
      return original(action)
    }
  }
  return builder
}

function invalid(message: string): TenantryError {
  return new TenantryError({ code: 'INVALID_CONFIG', message })
}
