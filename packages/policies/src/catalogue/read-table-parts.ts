import type { ColumnGrant, Policy, Trigger } from './catalogue.ts'
import { grantee, jsonList, listsByRelation, readJson, type ByRelation, type Reading } from './read-json.ts'

export function readPolicies({ query, schemaIds }: Reading): Promise<ByRelation<Policy>> {
  return readJson(query, policies, [schemaIds])
}

export function readTriggers({ query, schemaIds }: Reading): Promise<ByRelation<Trigger>> {
  return readJson(query, triggers, [schemaIds])
}

export function readColumnGrants({ query, schemaIds }: Reading): Promise<ByRelation<ColumnGrant>> {
  return readJson(query, columnGrants, [schemaIds])
}

/** The names of the rules of tables. */
export function readRules({ query, schemaIds }: Reading): Promise<ByRelation<string>> {
  return readJson(query, rules, [schemaIds])
}

const policies = listsByRelation(
  'polrelid',
  `json_build_object(
    'name', polname,
    'permissive', polpermissive,
    'command', CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
      WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    'roles', ${jsonList('role', 'role', `FROM (SELECT ${grantee} FROM unnest(polroles) AS grantee) AS roles (role)`)},
    'using', pg_get_expr(polqual, polrelid),
    'check', pg_get_expr(polwithcheck, polrelid)
  )`,
  'polname',
  `FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE relnamespace = ANY ($1::text::oid[])`,
)

/** Copies of a partitioned table's triggers are marked as internal before PostgreSQL 15. */
const triggers = listsByRelation(
  'tgrelid',
  `json_build_object(
    'name', tgname,
    'function', json_build_object('schema', nspname, 'name', proname),
    'definition', pg_get_triggerdef(pg_trigger.oid),
    'enabled', tgenabled <> 'D'
  )`,
  'tgname',
  `FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
   JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_namespace ON pg_namespace.oid = pronamespace
   WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('r', 'p', 'f')
     AND (NOT tgisinternal OR (tgparentid <> 0 AND tgconstraint = 0))`,
)

const columnGrants = listsByRelation(
  'relation',
  `json_build_object('column', column_name, 'grantee', grantee, 'privilege', privilege, 'grantable', grantable)`,
  'position, grantee, privilege',
  `FROM (
    SELECT attrelid AS relation, attnum AS position, attname AS column_name, ${grantee}, privilege_type AS privilege,
      bool_or(is_grantable) AS grantable
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid CROSS JOIN LATERAL aclexplode(attacl)
    WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('r', 'p', 'f') AND NOT attisdropped
    GROUP BY 1, 2, 3, 4, 5
  ) AS entries`,
)

const rules = listsByRelation(
  'ev_class',
  'rulename',
  'rulename',
  `FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
   WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('r', 'p', 'f') AND rulename <> '_RETURN'`,
)
