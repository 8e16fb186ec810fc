import { sql } from 'drizzle-orm'
import { bigint, text, uuid } from 'drizzle-orm/pg-core'

/** The builders of Drizzle's columns, as the installed release declares them. */
interface Builders {
  readonly uuid: ReturnType<typeof uuid>
  readonly bigint: ReturnType<typeof bigint<'bigint'>>
  readonly text: ReturnType<typeof text>
}

/** The types of PostgreSQL that tenant ids may have. */
export type TenantIdType = keyof Builders

/**
 * A tenant's column, which Drizzle takes for one that is always generated: rows have it, and inserts and updates cannot
 * name it.
 */
export type TenantIdColumn<
  Type extends TenantIdType = 'uuid',
  Shared extends boolean = false,
> = Builders[Type] & {
  readonly _: {
    readonly notNull: Shared extends true ? false : true
    readonly hasDefault: true
    readonly identity: 'always'
  }
}

/** What {@link tenantId} takes. */
export interface TenantIdConfig<Type extends TenantIdType = 'uuid', Shared extends boolean = false> {
  /** `'uuid'` by default. */
  readonly type?: Type
  /** `'tenant_id'` by default. */
  readonly name?: string
  /** Whether there are rows without a tenant, which belong to everybody: see `tenantIsolation`. */
  readonly shared?: Shared
}

/**
 * A tenant's column: NOT NULL unless `shared`, with the tenant of the running transaction as its default, so that inserts need not name
 * it. By their types they cannot, and nor can updates. Where a row has to be written for a tenant from outside, in
 * `asSystem`, `overridingSystemValue()` allows it.
 *
 * The database needs the function `tenantry.tenant_id()`, which a plan of `@tenantry/policies` makes.
 *
 * @example
 * ```ts no-run
 * const projects = pgTable('projects', { tenantId: tenantId(), name: text().notNull() })
 * const invoices = pgTable('invoices', { companyId: tenantId({ name: 'company_id', type: 'bigint' }) })
 * const templates = pgTable('templates', { tenantId: tenantId({ shared: true }), name: text().notNull() })
 * ```
 */
export function tenantId<Type extends TenantIdType = 'uuid', Shared extends boolean = false>(
  config: TenantIdConfig<Type, Shared> = {},
): TenantIdColumn<Type, Shared> {
  const { name = 'tenant_id', type = 'uuid', shared = false } = config
  const builders: Record<TenantIdType, () => Builders['uuid']> = {
    uuid: () => uuid(name),
    bigint: () => bigint(name, { mode: 'bigint' }) as never,
    text: () => text(name) as never,
  }
  const column = builders[type]().default(sql`tenantry.tenant_id()`)
  return (shared ? column : column.notNull()) as unknown as TenantIdColumn<Type, Shared>
}
