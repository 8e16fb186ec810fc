import { mentions } from '../apply/mentions.ts'
import { dollarQuoted } from '../dollar-quoted.ts'
import { literal } from '../identifiers.ts'
import type { DataCheck, Plan } from '../plan/plan.ts'

/**
 * One DO statement that asks a plan's questions and raises with everything that they find. The inner block is always rolled
 * back, with what it sets and lifts; variables keep their values.
 */
export function checkBlock(plan: Plan): string {
  return `DO ${dollarQuoted(`
#variable_conflict use_column
DECLARE
  tenantry_forced regclass;
  tenantry_count bigint;
  tenantry_examples text[];
  tenantry_findings text := '';
BEGIN
  BEGIN
    SET LOCAL row_security = off;
${[...liftForce(plan), ...plan.checks.map(ask)].join('\n')}
    RAISE EXCEPTION USING ERRCODE = 'TN000', MESSAGE = 'rolled back';
  EXCEPTION
    WHEN SQLSTATE 'TN000' THEN NULL;
  END;
  IF tenantry_findings <> '' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'check_violation',
      MESSAGE = 'Rows are in the way of this migration, and nothing was changed:' || tenantry_findings;
  END IF;
END
`)}`
}

/** Of the tables that are asked about, those whose FORCE holds for the current role: it owns them and has no BYPASSRLS. */
function liftForce({ checks, tenancy: { catalogue } }: Plan): readonly string[] {
  const asked = catalogue.tables.filter((table) => checks.some(({ sql }) => mentions(sql, table)))
  if (asked.length === 0) return []
  const names = asked.map(({ schema, name }) => `(${literal(schema)}, ${literal(name)})`)
  return [
    `    FOR tenantry_forced IN
      SELECT class.oid::regclass
      FROM pg_catalog.pg_class class
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      JOIN pg_catalog.pg_roles role ON role.rolname = current_user
      WHERE class.relrowsecurity AND class.relforcerowsecurity AND pg_has_role(class.relowner, 'USAGE')
        AND NOT role.rolsuper AND NOT role.rolbypassrls
        AND (namespace.nspname, class.relname) IN (${names.join(', ')})
      ORDER BY namespace.nspname, class.relname
    LOOP
      EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', tenantry_forced);
    END LOOP;`,
  ]
}

function ask({ code, object, sql, message, fix }: DataCheck): string {
  const before = `\n- ${object} (${code}): ${message} Rows: `
  return `
    SELECT tenantry_check.count, tenantry_check.examples INTO tenantry_count, tenantry_examples
    FROM (
${sql}
    ) AS tenantry_check;
    IF tenantry_count > 0 THEN
      tenantry_findings := tenantry_findings || ${literal(before)}
        || tenantry_count || coalesce(', such as ' || array_to_string(tenantry_examples, ', '), '') || ${literal(`. ${fix}`)};
    END IF;`
}
