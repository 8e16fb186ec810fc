/**
 * Types whose built-in `=` and `<` are leakproof in PostgreSQL 14 to 18 (`pg_proc.proleakproof`). Below a policy, only such
 * comparisons become conditions of an index: any other could tell of rows that the policy hides, and so runs after it.
 */
const leakproofTypes: ReadonlySet<string> = new Set([
  '"char"',
  'bigint',
  'bit',
  'bit varying',
  'boolean',
  'bytea',
  'character',
  'character varying',
  'date',
  'double precision',
  'inet',
  'integer',
  'interval',
  'macaddr',
  'macaddr8',
  'money',
  'name',
  'oid',
  'real',
  'smallint',
  'text',
  'time with time zone',
  'time without time zone',
  'timestamp with time zone',
  'timestamp without time zone',
  'uuid',
])

/** Whether a comparison with a column of this type can be a condition of an index below a policy. */
export function isUsableBelowPolicies(baseType: string): boolean {
  return leakproofTypes.has(baseType)
}
