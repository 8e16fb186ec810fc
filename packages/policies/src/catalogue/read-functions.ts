import type { DatabaseFunction } from './catalogue.ts'
import { extensionOf, grantsOf, jsonList, readJson, type Reading } from './read-json.ts'

export function readFunctions({ query, schemaIds }: Reading): Promise<readonly DatabaseFunction[]> {
  return readJson(query, functions, [schemaIds])
}

const functions = jsonList(
  `json_build_object(
    'schema', nspname,
    'name', proname,
    'arguments', arguments,
    'kind', CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window' ELSE 'function' END,
    'owner', pg_get_userbyid(proowner),
    'extension', ${extensionOf('pg_proc', 'pg_proc.oid')},
    'language', lanname,
    'returns', pg_get_function_result(pg_proc.oid),
    'volatility', CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
    'securityDefiner', prosecdef,
    'leakproof', proleakproof,
    'parallel', CASE proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
    'settings', coalesce(to_json(proconfig), '[]'::json),
    'body', CASE WHEN prosqlbody IS NULL THEN prosrc ELSE pg_get_function_sqlbody(pg_proc.oid) END,
    'grants', ${grantsOf('proacl', 'f', 'proowner')}
  )`,
  'nspname, proname, arguments COLLATE "C"',
  `FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace JOIN pg_language ON pg_language.oid = prolang
   CROSS JOIN LATERAL pg_get_function_identity_arguments(pg_proc.oid) AS arguments
   WHERE pronamespace = ANY ($1::text::oid[])`,
)
