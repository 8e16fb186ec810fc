import { tenantPostgres, type TenantSql } from '@tenantry/core/postgres-js'
import { drizzle } from '@tenantry/drizzle/postgres-js'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import * as schema from './schema.ts'
import { tenancy } from './tenancy.ts'

/** Drizzle on postgres.js, with the tables of this application. */
export type Database = PostgresJsDatabase<typeof schema> & { readonly $client: TenantSql }

/** @param url of the API's own role */
export function connect(url: string): Database {
  return drizzle({ client: tenantPostgres(url, { tenancy }), schema })
}
