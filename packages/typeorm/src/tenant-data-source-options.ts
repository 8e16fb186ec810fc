import { TenantryError, type Tenancy } from '@tenantry/core'
import type { DataSourceOptions } from 'typeorm'

/** The options of TypeORM's own DataSource for PostgreSQL, as the installed release declares them. */
export type PostgresOptions = Extract<DataSourceOptions, { readonly type: 'postgres' }>

/**
 * How the system pool connects, in TypeORM's words: `url`, or `username` and `password`. What it does not name (address,
 * pool size, TLS) is as for the data source itself.
 */
export interface SystemCredentials extends Pick<
  PostgresOptions,
  'url' | 'host' | 'port' | 'username' | 'password' | 'database' | 'ssl'
> {
  readonly applicationName?: string
  /** The most connections of the system pool; as many as the application's by default. */
  readonly poolSize?: number
}

/** What {@link TenantDataSource} takes: the options of a DataSource for PostgreSQL, and the following. */
export interface TenantDataSourceOptions extends Omit<
  PostgresOptions,
  'driver' | 'nativeDriver' | 'synchronize' | 'dropSchema' | 'migrationsRun'
> {
  /** The tenancy whose current scope decides for which tenant a statement runs. */
  readonly tenancy: Tenancy
  /**
   * Credentials of the role that may cross tenants (BYPASSRLS, not superuser), for `tenancy.asSystem`. Without them its
   * statements are refused. It is a pool of the same data source: a second data source with the same entities would
   * take `Project.find()` over for every tenant.
   */
  readonly system?: SystemCredentials
  /**
   * Whether statements are prepared, and so planned with their policies once for each connection and not each time: the
   * option of the same name of `TenantPool`. `false` by default.
   */
  readonly prepare?: boolean
  /** Not with the application's role, which owns no table: a `MigrationDataSource` does it. */
  readonly synchronize?: false
  /** Not with the application's role, which owns no table. */
  readonly dropSchema?: false
  /** Not with the application's role, which owns no table: a `MigrationDataSource` does it. */
  readonly migrationsRun?: false
}

/** What only the owner of the tables may do. */
export function refuseSchemaWork(what: string): TenantryError {
  return new TenantryError({
    code: 'INVALID_CONFIG',
    message:
      `${what} is not for a TenantDataSource: it would change tables with the credentials of the application, for ` +
      'whichever tenant happens to be first, and make tables without policies. Use migrations, and run them on a ' +
      'MigrationDataSource with the credentials of the role that owns the tables.',
  })
}

function invalid(message: string): never {
  throw new TenantryError({ code: 'INVALID_CONFIG', message })
}

/** Options by which TypeORM would open connections of its own. */
const OTHER_CONNECTIONS = ['driver', 'nativeDriver']

/** What has to be said to the data source, because whatever is in `extra` comes from outside of it. */
const NOT_IN_EXTRA = ['tenancy', 'system', 'Client']

const SCHEMA_WORK = ['synchronize', 'dropSchema', 'migrationsRun']

/**
 * Refuses what would open connections that act for no tenant, or for the wrong one.
 *
 * @param ownDriver that of the data source itself, once it has one
 * @throws TenantryError `INVALID_CONFIG`, `UNSUPPORTED_DRIVER`
 */
export function checkOptions(options: object, ownDriver?: object): void {
  const given = options as Readonly<Record<string, unknown>>
  if (given['type'] !== undefined && given['type'] !== 'postgres') {
    throw new TenantryError({
      code: 'UNSUPPORTED_DRIVER',
      message: `TenantDataSource is for PostgreSQL: give type: 'postgres', not ${JSON.stringify(given['type'])}.`,
    })
  }
  for (const name of OTHER_CONNECTIONS) {
    if (given[name] !== undefined && given[name] !== null && given[name] !== ownDriver) {
      invalid(
        `TenantDataSource brings its own driver, whose pools know the tenant: remove the option \`${name}\`. ` +
          'pg-native is not supported.',
      )
    }
  }
  for (const name of SCHEMA_WORK) if (given[name]) throw refuseSchemaWork(`The option \`${name}\``)
  for (const name of NOT_IN_EXTRA) {
    if (Object.hasOwn(Object(given['extra']) as object, name)) {
      invalid(
        `The option \`extra.${name}\` would decide for whom connections act. Remove it: tenancy and system are options of ` +
          'TenantDataSource itself, and the clients are its own.',
      )
    }
  }
}

/** @throws TenantryError `INVALID_CONFIG` for what `createTenancy()` did not return */
export function checkTenancy(tenancy: unknown): Tenancy {
  if (typeof (tenancy as Partial<Tenancy> | null | undefined)?.withoutTenant !== 'function') {
    invalid('new TenantDataSource({ tenancy }) has no tenancy: give what createTenancy() returned.')
  }
  return tenancy as Tenancy
}
