import type { QualifiedName } from '@tenantry/policies'
import type { Driver, QueryRunner, Table } from 'typeorm'
import { quotedName } from './quoted-name.ts'

/**
 * The table that other methods of the query runner mean by this name: in the schema of the name itself, in that of the
 * data source, or in the first of the search path that has it. An error of PostgreSQL if there is none.
 */
export async function findTable(queryRunner: QueryRunner, table: Table | string): Promise<QualifiedName> {
  const name = typeof table === 'string' ? table : table.name
  // Of the query runner itself, as 0.3 and 1.x have other names for its data source.
  const { driver } = queryRunner as unknown as { driver: Driver & { searchSchema?: string } }
  const { schema, tableName } = driver.parseTableName(name)
  const named = name.includes('.') || schema !== driver.searchSchema
  const quoted = quotedName(...(named && schema !== undefined ? [schema] : []), tableName)
  const rows = (await queryRunner.query(
    `SELECT nspname AS schema, relname AS name
     FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = $1::regclass`,
    [quoted],
  )) as QualifiedName[]
  return rows[0] as QualifiedName
}
