import type { Sequence } from './catalogue.ts'
import { grantsOf, readJson, type Reading } from './read-json.ts'

export function readSequences({ query, schemaIds }: Reading): Promise<readonly Sequence[]> {
  return readJson(query, sequences, [schemaIds])
}

/** For all sequences at once: looked up one by one, this takes longer than all the rest of the catalogue. */
const dependencies = `WITH owned AS MATERIALIZED (
    SELECT objid AS sequence, refobjid AS relation, refobjsubid AS number, deptype = 'i' AS identity
    FROM pg_depend JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
    WHERE classid = 'pg_class'::regclass AND objsubid = 0 AND refclassid = 'pg_class'::regclass
      AND refobjsubid > 0 AND deptype IN ('a', 'i')
  ), drawing AS MATERIALIZED (
    SELECT refobjid AS sequence, adrelid AS relation, adnum AS number
    FROM pg_depend JOIN pg_attrdef ON pg_attrdef.oid = objid
    JOIN pg_class ON pg_class.oid = refobjid AND relkind = 'S'
    WHERE classid = 'pg_attrdef'::regclass AND refclassid = 'pg_class'::regclass
    UNION
    SELECT sequence, relation, number FROM owned WHERE identity
  ), owners AS MATERIALIZED (
    SELECT sequence, json_build_object('schema', nspname, 'name', relname, 'column', attname, 'identity', identity)
      AS owned_by
    FROM owned ${columnOf('owned')}
  ), users AS MATERIALIZED (
    SELECT sequence, json_agg(json_build_object('schema', nspname, 'name', relname, 'column', attname)
      ORDER BY nspname, relname, attnum) AS used_by
    FROM drawing ${columnOf('drawing')} GROUP BY sequence
  )`

const sequences = `${dependencies} SELECT coalesce(json_agg(json_build_object(
    'schema', nspname,
    'name', relname,
    'owner', pg_get_userbyid(relowner),
    'ownedBy', owned_by,
    'usedBy', coalesce(used_by, '[]'::json),
    'grants', ${grantsOf('relacl', 's', 'relowner')}
  ) ORDER BY nspname, relname), '[]'::json)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  LEFT JOIN owners ON owners.sequence = pg_class.oid LEFT JOIN users ON users.sequence = pg_class.oid
  WHERE relnamespace = ANY ($1::text::oid[]) AND relkind = 'S'`

function columnOf(dependency: string): string {
  return `JOIN pg_class ON pg_class.oid = ${dependency}.relation
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_attribute ON attrelid = ${dependency}.relation AND attnum = ${dependency}.number`
}
