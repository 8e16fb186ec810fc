import { readJson } from '../catalogue/read-json.ts'
import { displayName, identifier, qualified, type QualifiedName } from '../identifiers.ts'
import type { ResolvedTenancy } from '../model/resolved-tenancy.ts'
import type { Problem } from '../problem.ts'
import type { Query } from '../query.ts'

/** What the connection's role may do with a table, and whether it sees all of it. */
export interface TableAccess extends QualifiedName {
  /** Whether policies decide about the rows that the role sees. */
  readonly filtered: boolean
  readonly mayRead: boolean
  readonly mayDelete: boolean
  /** SELECT … FOR UPDATE needs the right to UPDATE. */
  readonly mayLock: boolean
}

/** The connection's role and its access to tables. */
export interface Access {
  readonly role: string
  /** Whether policies for the application's role hold for this one. */
  readonly isApplication: boolean
  /** Those that exist. */
  readonly tables: readonly TableAccess[]
}

/** Asks the server what the connection's role may do. */
export function readAccess(
  query: Query,
  { tenancy }: ResolvedTenancy,
  tables: readonly QualifiedName[],
): Promise<Access> {
  const names = tables.map(({ schema, name }) => ({ schema, name }))
  return readJson<Access>(query, ACCESS, [JSON.stringify(names), tenancy.roles.app])
}

const ACCESS = `SELECT json_build_object(
  'role', current_user,
  'isApplication', EXISTS (SELECT FROM pg_roles WHERE rolname = $2::name AND pg_has_role(oid, 'USAGE')),
  'tables', (SELECT coalesce(json_agg(json_build_object(
      'schema', nspname, 'name', relname,
      'filtered', row_security_active(pg_class.oid),
      'mayRead', has_table_privilege(pg_class.oid, 'SELECT'),
      'mayDelete', has_table_privilege(pg_class.oid, 'DELETE'),
      'mayLock', has_table_privilege(pg_class.oid, 'UPDATE')
    )), '[]'::json)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN json_to_recordset($1::json) AS asked (schema name, name name) ON nspname = schema AND relname = name))`

/** Tables that are not there any more, or that the role may not read at all. */
export function unreadableTables(access: Access, tables: readonly QualifiedName[]): Problem[] {
  return tables.flatMap((table): Problem[] => {
    const found = accessTo(access, table)
    if (found === undefined) return [goneTable(table)]
    return found.mayRead ? [] : [missingRight(access, table, 'SELECT')]
  })
}

/** Tables of which policies show the role a part, or nothing at all without an error. */
export function filteredTables(access: Access, tables: readonly QualifiedName[]): readonly QualifiedName[] {
  return tables.filter((table) => accessTo(access, table)?.filtered === true)
}

/** That of one table, if it exists. */
export function accessTo({ tables }: Access, { schema, name }: QualifiedName): TableAccess | undefined {
  return tables.find((each) => each.schema === schema && each.name === name)
}

/** The problem of a right that the role lacks. */
export function missingRight({ role }: Access, table: QualifiedName, right: string): Problem {
  return {
    code: 'MISSING_PRIVILEGE',
    object: displayName(table),
    message: `Role ${role} has no ${right} on ${displayName(table)}.`,
    fix: `GRANT ${right} ON ${qualified(table)} TO ${identifier(role)}, or use the system role.`,
  }
}

/** The problem of a role that would take a part of the rows for all of them. */
export function partlyVisible({ role }: Access, table: QualifiedName): Problem {
  return {
    code: 'MISSING_PRIVILEGE',
    object: displayName(table),
    message:
      `Policies decide which rows of ${displayName(table)} role ${role} sees, ` +
      'so that rows could be left out without anybody noticing.',
    fix: 'Run it as the system role, which has BYPASSRLS, or as a superuser.',
  }
}

function goneTable(table: QualifiedName): Problem {
  return {
    code: 'UNKNOWN_TABLE',
    object: displayName(table),
    message: `${displayName(table)} is not there any more: the catalogue is older than the last migration.`,
    fix: 'Read the catalogue again with readCatalogue(), and resolve the tenancy with it.',
  }
}
