import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Query } from '../query.ts'
import { readJson } from '../catalogue/read-json.ts'
import { type RawReference, type Reference, referencesOf } from './references.ts'

/**
 * All foreign keys that lead to tables with rows of tenants, as they are now and from whichever schema: the catalogue has
 * those of its schemas only, and may be older than the last migration. Of a partitioned table, its own once.
 */
export async function readReferences(query: Query, tenancy: ResolvedTenancy): Promise<readonly Reference[]> {
  const tables = tenancy.tenantTables.flatMap(({ table, partitions }) => [table, ...partitions])
  const names = tables.map(({ schema, name }) => ({ schema, name }))
  const raw = await readJson<RawReference[]>(query, FOREIGN_KEYS, [JSON.stringify(names)])
  return referencesOf(tenancy, raw)
}

const columnsOf = (relation: string, numbers: string): string =>
  `(SELECT json_agg(attname ORDER BY position) FROM unnest(${numbers}) WITH ORDINALITY AS listed (number, position)
    JOIN pg_attribute ON attrelid = ${relation} AND attnum = number)`

const FOREIGN_KEYS = `SELECT coalesce(json_agg(json_build_object(
    'name', conname,
    'table', json_build_object('schema', source_schema.nspname, 'name', source.relname),
    'columns', ${columnsOf('conrelid', 'conkey')},
    'references', json_build_object('schema', target_schema.nspname, 'name', target.relname),
    'referencedColumns', ${columnsOf('confrelid', 'confkey')},
    'onDelete', CASE confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
      WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END,
    'validated', convalidated
  ) ORDER BY source_schema.nspname, source.relname, conname), '[]'::json)
  FROM pg_constraint
  JOIN pg_class AS source ON source.oid = conrelid
  JOIN pg_namespace AS source_schema ON source_schema.oid = source.relnamespace
  JOIN pg_class AS target ON target.oid = confrelid
  JOIN pg_namespace AS target_schema ON target_schema.oid = target.relnamespace
  WHERE contype = 'f' AND conparentid = 0 AND (target_schema.nspname, target.relname) IN (
    SELECT schema, name FROM json_to_recordset($1::json) AS modelled (schema name, name name))`
