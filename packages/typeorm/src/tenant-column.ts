import { Column } from 'typeorm'

/** The types of PostgreSQL that tenant ids may have. */
export type TenantIdType = 'uuid' | 'bigint' | 'text'

/** What {@link TenantColumn} and {@link tenantColumn} take. */
export interface TenantColumnConfig {
  /** `'uuid'` by default. The property is a string for all of them, as PostgreSQL's bigint is one in JavaScript. */
  readonly type?: TenantIdType
  /** The column's name in the database, `'tenant_id'` by default. */
  readonly name?: string
  /** Whether it is part of the primary key, as in `PRIMARY KEY (tenant_id, id)`. */
  readonly primary?: boolean
  /** For tables with rows that all tenants may read, which have no tenant. */
  readonly nullable?: boolean
}

/** A column for a tenant's id, as TypeORM's `@Column()` and `EntitySchema` take it. */
export interface TenantColumnOptions {
  type: TenantIdType
  name: string
  primary: boolean
  nullable: boolean
  update: false
  default: () => string
}

/** A decorator for properties that are strings. */
export type TenantColumnDecorator = <Property extends string>(
  target: Readonly<Partial<Record<Property, string | null | undefined>>>,
  property: Property,
) => void

/**
 * The default of a tenant's column, in the one spelling that TypeORM reads back from the catalogue unchanged; with
 * another `migration:generate` finds a difference forever.
 */
export const TENANT_DEFAULT = 'tenantry.tenant_id()'

/**
 * The tenant's column of an entity. PostgreSQL fills it with the tenant of the running transaction, the entity carries
 * it after `save`, and updates never change it.
 *
 * The database needs the function `tenantry.tenant_id()`, which a plan of `@tenantry/policies` makes.
 *
 * @example
 * ```ts no-run
 * @Entity('projects')
 * class Project {
 *   @TenantColumn() tenantId!: string
 *   @PrimaryGeneratedColumn('uuid') id!: string
 *   @Column('text') name!: string
 * }
 * ```
 */
export function TenantColumn(config: TenantColumnConfig = {}): TenantColumnDecorator {
  return Column({ ...tenantColumn(config) })
}

/**
 * {@link TenantColumn} for an `EntitySchema`.
 *
 * @example
 * ```ts no-run
 * const Project = new EntitySchema<{ tenantId: string; id: string }>({
 *   name: 'Project',
 *   tableName: 'projects',
 *   columns: { tenantId: tenantColumn(), id: { type: 'uuid', primary: true, generated: 'uuid' } },
 * })
 * ```
 */
export function tenantColumn(config: TenantColumnConfig = {}): TenantColumnOptions {
  const { type = 'uuid', name = 'tenant_id', primary = false, nullable = false } = config
  // `insert: false` would hide another tenant's id from the database, which then stores the row as one's own.
  return { type, name, primary, nullable, update: false, default: () => TENANT_DEFAULT }
}
