import type { View } from './catalogue.ts'
import { extensionOf, grantee, grantsOf, jsonList, readJson, type Reading } from './read-json.ts'

export function readViews({ query, schemaIds }: Reading): Promise<readonly View[]> {
  return readJson(query, views, [schemaIds])
}

/** Of the whole database, for a view may lead through schemas that are not read. */
const dependencies = `WITH RECURSIVE uses AS (
    SELECT DISTINCT ev_class AS view, target.oid AS relation
    FROM pg_rewrite JOIN pg_class AS origin ON origin.oid = ev_class AND origin.relkind IN ('v', 'm')
    JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
      AND refclassid = 'pg_class'::regclass AND refobjid <> ev_class
    JOIN pg_class AS target ON target.oid = refobjid AND target.relkind IN ('r', 'p', 'f', 'v', 'm')
    JOIN pg_namespace ON pg_namespace.oid = target.relnamespace
    WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_')
  ), reaches AS (
    SELECT view, relation FROM uses
    UNION
    SELECT reaches.view, uses.relation FROM reaches JOIN uses ON uses.view = reaches.relation
  )`

const views = `${dependencies} SELECT coalesce(json_agg(json_build_object(
    'schema', nspname,
    'name', relname,
    'kind', CASE relkind WHEN 'm' THEN 'materialized' ELSE 'view' END,
    'owner', pg_get_userbyid(relowner),
    'extension', ${extensionOf('pg_class', 'relation.oid')},
    'securityInvoker', ${option('security_invoker')},
    'securityBarrier', ${option('security_barrier')},
    'uses', ${relations('uses', `'r', 'p', 'f', 'v', 'm'`)},
    'reaches', ${relations('reaches', `'r', 'p', 'f'`)},
    'grants', ${grantsOf('relacl', 'r', 'relowner')},
    'columnGrants', ${columnGrants()}
  ) ORDER BY nspname, relname), '[]'::json)
  FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('v', 'm')`

/** Kept as it was written: `true`, `on`, `1`, …. */
function option(name: string): string {
  return `coalesce((SELECT option_value::boolean FROM pg_options_to_table(reloptions)
    WHERE option_name = '${name}'), false)`
}

function relations(dependency: string, kinds: string): string {
  return jsonList(
    `json_build_object('schema', used_schema.nspname, 'name', used.relname)`,
    'used_schema.nspname, used.relname',
    `FROM ${dependency} JOIN pg_class AS used ON used.oid = ${dependency}.relation AND used.relkind IN (${kinds})
     JOIN pg_namespace AS used_schema ON used_schema.oid = used.relnamespace
     WHERE ${dependency}.view = relation.oid`,
  )
}

function columnGrants(): string {
  return jsonList(
    `json_build_object('column', column_name, 'grantee', grantee, 'privilege', privilege, 'grantable', grantable)`,
    'position, grantee, privilege',
    `FROM (
      SELECT attnum AS position, attname AS column_name, ${grantee}, privilege_type AS privilege,
        bool_or(is_grantable) AS grantable
      FROM pg_attribute CROSS JOIN LATERAL aclexplode(attacl)
      WHERE attrelid = relation.oid AND NOT attisdropped
      GROUP BY 1, 2, 3, 4
    ) AS entries`,
  )
}
