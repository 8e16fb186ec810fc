import type { CheckConstraint, ForeignKey } from './catalogue.ts'
import { columnNames, listsByRelation, readJson, type ByRelation, type Reading } from './read-json.ts'

export function readCheckConstraints({ query, schemaIds }: Reading): Promise<ByRelation<CheckConstraint>> {
  return readJson(query, checks, [schemaIds])
}

export function readForeignKeys({
  query,
  serverVersion,
  schemaIds,
}: Reading): Promise<ByRelation<ForeignKey>> {
  // ON DELETE SET NULL (columns) came with PostgreSQL 15.
  return readJson(query, foreignKeys(serverVersion >= 150_000 ? 'confdelsetcols' : 'NULL::smallint[]'), [
    schemaIds,
  ])
}

const checks = listsByRelation(
  'conrelid',
  `json_build_object(
    'name', conname,
    'definition', pg_get_constraintdef(pg_constraint.oid),
    'validated', convalidated,
    'inherited', coninhcount > 0
  )`,
  'conname',
  `FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 AND connamespace = ANY ($1::text::oid[])`,
)

/**
 * One that references a partitioned table has a copy for each partition that it may lead to, on the same table: those are
 * PostgreSQL's own business. Copies for the partitions of the referencing table are kept, as inherited.
 */
const ownForeignKeys = `WITH RECURSIVE own AS (
    SELECT oid, confrelid FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
    UNION ALL
    SELECT copy.oid, copy.confrelid FROM own
    JOIN pg_constraint AS copy ON copy.conparentid = own.oid AND copy.confrelid = own.confrelid
  )`

function foreignKeys(onDeleteColumns: string): string {
  return `${ownForeignKeys} ${listsByRelation(
    'conrelid',
    `json_build_object(
      'name', conname,
      'columns', ${columnNames('conrelid', 'conkey')},
      'references', json_build_object('schema', nspname, 'name', relname),
      'referencedColumns', ${columnNames('pg_constraint.confrelid', 'confkey')},
      'onUpdate', ${action('confupdtype')},
      'onDelete', ${action('confdeltype')},
      'onDeleteColumns', ${columnNames('conrelid', onDeleteColumns)},
      'match', CASE confmatchtype WHEN 'f' THEN 'FULL' ELSE 'SIMPLE' END,
      'deferrable', condeferrable,
      'initiallyDeferred', condeferred,
      'validated', convalidated,
      'inherited', conparentid <> 0,
      'definition', pg_get_constraintdef(pg_constraint.oid)
    )`,
    'conname',
    `FROM pg_constraint JOIN own USING (oid)
     JOIN pg_class ON pg_class.oid = pg_constraint.confrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE connamespace = ANY ($1::text::oid[])`,
  )}`
}

function action(column: string): string {
  return `CASE ${column} WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
    WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END`
}
