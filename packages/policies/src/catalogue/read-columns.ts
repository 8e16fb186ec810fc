import type { Column } from './catalogue.ts'
import { listsByRelation, readJson, type ByRelation, type Reading } from './read-json.ts'

export function readColumns({ query, schemaIds }: Reading): Promise<ByRelation<Column>> {
  return readJson(query, columns, [schemaIds])
}

/** The types that domains are over in the end, for a domain may be over a domain. */
const domains = `WITH RECURSIVE layers AS (
    SELECT oid AS domain, typbasetype AS base FROM pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT domain, typbasetype FROM layers JOIN pg_type ON oid = base AND typtype = 'd'
  ), domains AS (
    SELECT domain, base FROM layers JOIN pg_type ON oid = base AND typtype <> 'd'
  )`

/** Of PostgreSQL 18 on: before, these are no constraints with a name. */
const unvalidated = `CASE WHEN attnotnull THEN (
    SELECT conname FROM pg_constraint
    WHERE conrelid = attrelid AND contype = 'n' AND conkey = ARRAY[attnum] AND NOT convalidated
  ) END`

const columns = `${domains} ${listsByRelation(
  'attrelid',
  `json_build_object(
    'name', attname,
    'type', format_type(atttypid, atttypmod),
    'baseType', format_type(coalesce(base, atttypid), NULL),
    'notNull', attnotnull AND ${unvalidated} IS NULL,
    'unvalidatedNotNull', ${unvalidated},
    'default', pg_get_expr(adbin, adrelid),
    'generated', CASE attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
    'identity', CASE attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END
  )`,
  'attnum',
  `FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
   LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum LEFT JOIN domains ON domain = atttypid
   WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('r', 'p', 'f') AND attnum > 0 AND NOT attisdropped`,
)}`
