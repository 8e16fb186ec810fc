import { TenantPool } from '@tenantry/core/pg'
import { drizzle } from '@tenantry/drizzle'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import * as schema from './schema.ts'
import { tenancy } from './tenancy.ts'

/** Drizzle with the tables of this application. */
export type Database = NodePgDatabase<typeof schema> & { readonly $client: TenantPool }

/**
 * Opens the database as the API's own role, after asking the server whether companies are kept apart in it.
 *
 * @throws UnsafeDatabaseError with everything that is wrong
 */
export async function openDatabase(connectionString: string): Promise<Database> {
  const pool = new TenantPool({ tenancy, connectionString })
  try {
    await pool.verify()
  } catch (error) {
    await pool.end()
    throw error
  }
  return drizzle({ client: pool, schema })
}
