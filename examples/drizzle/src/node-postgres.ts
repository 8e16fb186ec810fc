import { TenantPool } from '@tenantry/core/pg'
import { drizzle } from '@tenantry/drizzle/node-postgres'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import * as schema from './schema.ts'
import { tenancy } from './tenancy.ts'

/** Drizzle on node-postgres, with the tables of this application. */
export type Database = NodePgDatabase<typeof schema> & { readonly $client: TenantPool }

/** @param url of the API's own role */
export function connect(url: string): Database {
  return drizzle({ client: new TenantPool({ tenancy, connectionString: url }), schema })
}
