/** How a table takes part in the tenancy. */
export type TableKind = 'tenant' | 'child' | 'shared' | 'shared+tenant' | 'excluded'

interface KeyOptions {
  /**
   * Names of unique indexes or constraints that go on spanning all tenants, such as the one on the e-mail address that
   * people sign in with. A tenant can then find out that a value exists elsewhere; the plan says so.
   */
  readonly globalKeys?: readonly string[]
  /** Overrides the tenancy's `primaryKeys` for this table. */
  readonly primaryKey?: 'composite' | 'keep'
  /** Columns that queries of this table compare together, one list for each shape: an index led by the tenant for each. */
  readonly queries?: readonly (readonly string[])[]
}

/** A table whose rows belong to a tenant and say to which. */
export interface TenantTableOptions extends KeyOptions {
  readonly kind: 'tenant'
  /** The column with the tenant's id, if not the tenancy's. */
  readonly column?: string
}

/** A table whose rows belong to a tenant through a foreign key: the plan adds the column. */
export interface ChildTableOptions extends KeyOptions {
  readonly kind: 'child'
  /** The foreign key to follow, by its name, its column or its columns. Needed only where several could be followed. */
  readonly through?: string | readonly string[]
  /** The column to add, if not the tenancy's. */
  readonly column?: string
}

/** A table that all tenants read: no row of it belongs to anyone. */
export interface SharedTableOptions {
  readonly kind: 'shared'
  /** Whether the application may write it too, false by default: what one tenant writes, all others read. */
  readonly writable?: boolean
}

/** A table with rows of tenants and, where the tenant is NULL, rows that all read and no tenant writes. */
export interface SharedTenantTableOptions extends KeyOptions {
  readonly kind: 'shared+tenant'
  /** The column with the tenant's id, if not the tenancy's. */
  readonly column?: string
}

/** A table that Tenantry leaves alone: the application role gets nothing on it from a plan. */
export interface ExcludedTableOptions {
  readonly kind: 'excluded'
}

export type TableOptions =
  | TenantTableOptions
  | ChildTableOptions
  | SharedTableOptions
  | SharedTenantTableOptions
  | ExcludedTableOptions

/** The tenancy of a database, as people write it. */
export interface TenancyOptions {
  /** The table with one row a tenant: `tenants`, or `accounts.companies` with its schema. */
  readonly tenantTable: string
  /** The type of tenant ids; by default that of the tenant table's primary key. Given, it is compared with that one. */
  readonly tenantId?: 'uuid' | 'bigint' | 'integer' | 'smallint' | 'text'
  /** The column of tenant tables that has the tenant's id, `tenant_id` by default. */
  readonly column?: string
  /** The setting that carries the tenant's id, `app.current_tenant_id` by default, as in `@tenantry/core`. */
  readonly setting?: string
  readonly roles?: {
    /** What the application signs in as, `tenantry_app` by default. Made by the plan if it does not exist. */
    readonly app?: string
    /** Who owns the tables. Left out, they keep their owners. */
    readonly owner?: string
    /** A role with BYPASSRLS for `asSystem`. Left out, there is none. */
    readonly system?: string
  }
  /** Schemas whose tables take part; by default that of the tenant table, or `public`. */
  readonly schemas?: readonly string[]
  /**
   * Tables that are not what they look like by default. A table with the tenant column is `tenant` unless this says
   * otherwise; migration tools' own tables are `excluded`; every other table has to be named here. Names as the catalogue
   * has them, without quotes, with or without their schema.
   */
  readonly tables?: Readonly<Record<string, TableKind | TableOptions>>
  /**
   * `composite` (default): primary keys become `(tenant_id, id)`, which closes upserts and errors that tell of other tenants'
   * rows, and lets foreign keys carry the tenant. `keep`: they stay, and a unique index `(tenant_id, id)` is added.
   */
  readonly primaryKeys?: 'composite' | 'keep'
  /** `table` (default): UPDATE is granted on the table, as ORMs' upserts need. `columns`: on all columns but the tenant's. */
  readonly updateGrants?: 'table' | 'columns'
}

/** A checked tenancy with its defaults filled in. Made by {@link defineTenancy}. */
export interface Tenancy {
  readonly tenantTable: string
  /** Undefined: that of the tenant table's primary key. */
  readonly tenantId: TenancyOptions['tenantId']
  readonly column: string
  readonly setting: string
  readonly roles: {
    readonly app: string
    readonly owner: string | undefined
    readonly system: string | undefined
  }
  readonly schemas: readonly string[]
  readonly tables: ReadonlyMap<string, TableOptions>
  readonly primaryKeys: 'composite' | 'keep'
  readonly updateGrants: 'table' | 'columns'
}
