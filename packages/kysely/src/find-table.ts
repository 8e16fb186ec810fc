import { sql, type Kysely } from 'kysely'
import type { QualifiedName } from '@tenantry/policies'

/**
 * The table that statements of `db` mean by `name`, in whichever schema: that of the name itself, of `withSchema`, or the
 * first of the search path that has it. An error of PostgreSQL if there is none.
 */
export async function findTable<Database>(db: Kysely<Database>, name: string): Promise<QualifiedName> {
  // Plugins see this statement and not `name`, so that the CamelCasePlugin changes no letter of it.
  const { schema } = db.schema.dropTable('any').toOperationNode().table.table
  const parts = schema === undefined || name.includes('.') ? name.split('.') : [schema.name, name]
  const quoted = parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
  const { rows } = await sql<QualifiedName>`
    select nspname as schema, relname as name
    from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = ${quoted}::regclass`.execute(db)
  return rows[0] as QualifiedName
}
