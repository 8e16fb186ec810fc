/**
 * What refuses that an index goes, for `WITH RECURSIVE`: `index_dependents` gives for each index a sorted json array. Those of
 * its parts on partitions count too, for they go with it. Foreign keys are found by their index; those of the schemas that
 * are read stand among the foreign keys of their tables.
 */
export const indexDependents = `index_parts AS (
    SELECT indexrelid AS whole, indexrelid AS part FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = ANY ($1::text::oid[])
    UNION ALL
    SELECT whole, inhrelid FROM index_parts JOIN pg_inherits ON inhparent = part
  ), index_objects AS (
    SELECT whole, 'pg_class'::regclass AS class, part AS object FROM index_parts
    UNION ALL
    SELECT whole, 'pg_constraint'::regclass, oid FROM index_parts
    JOIN pg_constraint ON conindid = part AND contype IN ('p', 'u', 'x')
  ), index_needs AS (
    SELECT whole, format('%s %s', type, identity) COLLATE "C" AS dependent
    FROM index_objects JOIN pg_depend ON refclassid = class AND refobjid = object AND deptype = 'n'
    LEFT JOIN pg_rewrite ON classid = 'pg_rewrite'::regclass AND pg_rewrite.oid = objid AND rulename = '_RETURN'
    CROSS JOIN LATERAL pg_identify_object(
      CASE WHEN ev_class IS NULL THEN classid ELSE 'pg_class'::regclass END, coalesce(ev_class, objid), 0)
    WHERE classid <> 'pg_constraint'::regclass AND identity IS NOT NULL
    UNION
    SELECT whole, format('%s.%s: %s', nspname, relname, conname)
    FROM index_parts JOIN pg_constraint ON conindid = part AND contype = 'f' AND conparentid = 0
    JOIN pg_class ON pg_class.oid = conrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relnamespace <> ALL ($1::text::oid[])
  ), index_dependents AS (
    SELECT whole, json_agg(dependent ORDER BY dependent) AS dependents FROM index_needs GROUP BY whole
  )`
