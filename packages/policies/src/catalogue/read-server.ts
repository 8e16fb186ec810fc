import type { Catalogue, Schema } from './catalogue.ts'
import { grantsOf, jsonList, readJson, type Reading } from './read-json.ts'

/** What belongs to the server, the database and its schemas, rather than to objects in them. */
export function readServer({
  query,
  serverVersion,
  schemaIds,
}: Reading): Promise<Pick<Catalogue, 'database' | 'currentRole' | 'schemas' | 'roles' | 'extensions'>> {
  return readJson(
    query,
    `SELECT json_build_object(
      'database', (${database}),
      'currentRole', current_user,
      'schemas', ${schemas},
      'roles', ${roles(serverVersion)},
      'extensions', ${jsonList('extname', 'extname', 'FROM pg_extension')}
    )`,
    [schemaIds],
  )
}

/** A schema and the oid by which its objects are found. */
export type FoundSchema = Pick<Schema, 'name'> & { readonly id: string }

/** All schemas but the system's. */
export function readSchemaNames(query: Reading['query']): Promise<readonly FoundSchema[]> {
  return readJson(
    query,
    jsonList(
      `json_build_object('id', oid::text, 'name', nspname)`,
      'nspname',
      `FROM pg_namespace WHERE nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_')`,
    ),
  )
}

const database = `SELECT json_build_object(
    'name', datname,
    'owner', pg_get_userbyid(datdba),
    'grants', ${grantsOf('datacl', 'd', 'datdba')}
  ) FROM pg_database WHERE datname = current_database()`

const schemas = jsonList(
  `json_build_object(
    'name', nspname,
    'owner', pg_get_userbyid(nspowner),
    'grants', ${grantsOf('nspacl', 'n', 'nspowner')}
  )`,
  'nspname',
  'FROM pg_namespace WHERE oid = ANY ($1::text::oid[])',
)

function roles(serverVersion: number): string {
  return jsonList(
    `json_build_object(
      'name', rolname,
      'superuser', rolsuper,
      'bypassRowSecurity', rolbypassrls,
      'login', rolcanlogin,
      'inherit', rolinherit,
      'createRole', rolcreaterole,
      'createDatabase', rolcreatedb,
      'replication', rolreplication,
      'memberOf', ${memberships(serverVersion)}
    )`,
    'rolname',
    `FROM pg_roles AS member WHERE NOT starts_with(rolname, 'pg_')`,
  )
}

/** The same membership may have been granted by several; each adds its options. */
function memberships(serverVersion: number): string {
  const [inherit, set] =
    serverVersion >= 160_000
      ? ['bool_or(inherit_option)', 'bool_or(set_option)']
      : ['member.rolinherit', 'true']
  return jsonList(
    `json_build_object('role', role, 'admin', admin, 'inherit', inherits, 'set', sets)`,
    'role',
    `FROM (
      SELECT pg_get_userbyid(roleid) AS role, bool_or(admin_option) AS admin, ${inherit} AS inherits, ${set} AS sets
      FROM pg_auth_members AS granted WHERE granted.member = member.oid GROUP BY roleid
    ) AS memberships`,
  )
}
