import type { Index } from './catalogue.ts'
import { columnLists } from './index-column-lists.ts'
import { indexDependents } from './index-dependents.ts'
import { columnNames, listsByRelation, readJson, type ByRelation, type Reading } from './read-json.ts'

export function readIndexes({ query, serverVersion, schemaIds }: Reading): Promise<ByRelation<Index>> {
  return readJson(query, indexes(serverVersion), [schemaIds])
}

/** All that comes before what `body` holds: names may contain ` USING btree ` themselves, so that it cannot be searched. */
const head = `format('CREATE %sINDEX %I ON %s%I.%I USING %I ', CASE WHEN indisunique THEN 'UNIQUE ' END,
  index_relation.relname, CASE index_relation.relkind WHEN 'I' THEN 'ONLY ' END, nspname, relation.relname, amname)`

/** Whether logical replication tells rows apart by it. */
const identifies = `(indisreplident OR (indisprimary AND relation.relreplident = 'd'))`

const constraint = `CASE WHEN pg_constraint.oid IS NOT NULL THEN json_build_object(
    'name', conname,
    'type', CASE contype WHEN 'p' THEN 'primary' WHEN 'u' THEN 'unique' ELSE 'exclusion' END,
    'definition', pg_get_constraintdef(pg_constraint.oid),
    'deferrable', condeferrable,
    'initiallyDeferred', condeferred
  ) END`

function indexes(serverVersion: number): string {
  // It came with PostgreSQL 15.
  const nullsNotDistinct = serverVersion >= 150_000 ? 'indnullsnotdistinct' : 'false'
  return `WITH RECURSIVE ${indexDependents}, ${columnLists(serverVersion)} ${listsByRelation(
    'indrelid',
    `json_build_object(
      'name', index_relation.relname,
      'method', amname,
      'unique', indisunique,
      'primary', indisprimary,
      'constraint', ${constraint},
      'columns', ${columnNames('indrelid', 'indkey::smallint[]', 'position <= indnkeyatts')},
      'included', ${columnNames('indrelid', 'indkey::smallint[]', 'position > indnkeyatts')},
      'partial', indpred IS NOT NULL,
      'nullsNotDistinct', ${nullsNotDistinct},
      'valid', indisvalid,
      'replicaIdentity', indisreplident,
      'dependents', coalesce(dependents, '[]'::json),
      'columnLists', CASE WHEN ${identifies} THEN coalesce(lists, '[]'::json) ELSE '[]'::json END,
      'inherited', index_relation.relispartition,
      'definition', definition,
      'body', substr(definition, length(${head}) + 1),
      'predicate', pg_get_expr(indpred, indrelid)
    )`,
    'index_relation.relname',
    `FROM pg_index JOIN pg_class AS index_relation ON index_relation.oid = indexrelid
     JOIN pg_class AS relation ON relation.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relation.relnamespace
     JOIN pg_am ON pg_am.oid = index_relation.relam
     LEFT JOIN pg_constraint ON conindid = indexrelid AND conrelid = indrelid AND contype IN ('p', 'u', 'x')
     LEFT JOIN index_dependents ON whole = indexrelid LEFT JOIN column_lists ON published = indrelid
     CROSS JOIN LATERAL pg_get_indexdef(indexrelid) AS definition
     WHERE relation.relnamespace = ANY ($1::text::oid[]) AND relation.relkind IN ('r', 'p', 'f')`,
  )}`
}
