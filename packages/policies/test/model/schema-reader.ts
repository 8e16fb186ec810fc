import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { readCatalogue } from '../../src/catalogue/read-catalogue.ts'
import { TenantryError } from '../../src/errors.ts'
import type { Problem } from '../../src/problem.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'

/** A database in which one schema after the other is made and read. */
export interface SchemaReader {
  readonly database: OpenDatabase
  /** Makes the tables, in a database with nothing but an empty schema `public`, and reads what came of it. */
  read(sql: string, schemas?: readonly string[]): Promise<Catalogue>
  close(): Promise<void>
}

export async function openSchemaReader(name: string): Promise<SchemaReader> {
  const database = await openDatabase(name)
  return {
    database,
    async read(sql, schemas = ['public']) {
      await database.superuser(`
        DO $$
        DECLARE name text;
        BEGIN
          FOR name IN SELECT nspname FROM pg_namespace
            WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
          LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
        END $$;
        CREATE SCHEMA public AUTHORIZATION tenantry_owner;
        SET ROLE tenantry_owner;
        ${sql};
        RESET ROLE`)
      return readCatalogue(database.owner, { schemas })
    },
    close: () => database.close(),
  }
}

/** The problems with which a call fails. */
export function problemsOf(call: () => unknown): readonly Problem[] {
  const error = errorOf(call)
  if (error.code !== 'TENANCY_DOES_NOT_FIT') throw error
  return error.problems
}

export function errorOf(call: () => unknown): TenantryError {
  try {
    call()
  } catch (error) {
    if (TenantryError.isInstance(error)) return error
    throw error
  }
  throw new Error('The call did not fail')
}
