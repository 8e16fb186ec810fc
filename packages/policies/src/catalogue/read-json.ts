import type { Query } from '../query.ts'

/** How a reader of one kind of object asks: what it finds lies in the schemas, written as PostgreSQL's array of oids. */
export interface Reading {
  readonly query: Query
  /** `server_version_num`. */
  readonly serverVersion: number
  /** Such as `{2200,16388}`: text, since drivers disagree about arrays. */
  readonly schemaIds: string
}

/**
 * The value of an SQL expression of type json. It travels as text: every driver gives that back as it is, while numbers,
 * arrays and names reach JavaScript differently from each.
 */
export async function readJson<T>(query: Query, expression: string, values?: readonly unknown[]): Promise<T> {
  const { rows } = await query(`SELECT (${expression})::text AS json`, values)
  return JSON.parse(String(rows[0]?.['json'])) as T
}

/** An expression for the json array of `item` over the rows that `rest` (FROM and what follows) gives. */
export function jsonList(item: string, order: string, rest: string): string {
  return `(SELECT coalesce(json_agg(${item} ORDER BY ${order}), '[]'::json) ${rest})`
}

/** For each relation that has any: its list. */
export type ByRelation<T> = Readonly<Record<string, readonly T[]>>

/** Lists of all relations in one statement, so that the number of statements does not grow with the tables. */
export function listsByRelation(relation: string, item: string, order: string, rest: string): string {
  return `SELECT coalesce(json_object_agg(relation, list), '{}'::json) FROM (
    SELECT ${relation}::text AS relation, json_agg(${item} ORDER BY ${order}) AS list ${rest} GROUP BY ${relation}
  ) AS lists`
}

/** An expression for the grants of an access control list, those that hold while it is NULL included. */
export function grantsOf(list: string, kind: 'd' | 'f' | 'n' | 'r' | 's', owner: string): string {
  return jsonList(
    `json_build_object('grantee', grantee, 'privilege', privilege, 'grantable', grantable)`,
    'grantee, privilege',
    `FROM (
      SELECT ${grantee}, privilege_type AS privilege, bool_or(is_grantable) AS grantable
      FROM aclexplode(coalesce(${list}, acldefault('${kind}', ${owner}))) GROUP BY 1, 2
    ) AS entries`,
  )
}

/** The grantee of what `aclexplode` gives. */
export const grantee = `CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END AS grantee`

/** An expression for the name of the extension that made an object, or NULL. */
export function extensionOf(catalogue: 'pg_class' | 'pg_proc', object: string): string {
  return `(SELECT extname FROM pg_depend JOIN pg_extension ON pg_extension.oid = refobjid
    WHERE classid = '${catalogue}'::regclass AND objid = ${object} AND refclassid = 'pg_extension'::regclass
      AND deptype = 'e')`
}

/** An expression for the names of columns whose numbers an array holds, in its order; null for expressions. */
export function columnNames(relation: string, numbers: string, where = 'true'): string {
  return jsonList(
    'attname',
    'position',
    `FROM unnest(${numbers}) WITH ORDINALITY AS listed (number, position)
     LEFT JOIN pg_attribute ON attrelid = ${relation} AND attnum = number AND number <> 0 WHERE ${where}`,
  )
}
