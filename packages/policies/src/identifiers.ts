import { createHash } from 'node:crypto'

/** What names a table, a view or a function's schema and name. */
export interface QualifiedName {
  readonly schema: string
  readonly name: string
}

/**
 * The longest name PostgreSQL keeps, in bytes; it cuts longer ones with no more than a notice.
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
 */
export const LONGEST_NAME = 63

/** `name` as an SQL identifier; quoted whenever that could matter, as PostgreSQL's own `quote_ident` does. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reservedWords.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`
}

/** `schema.name` as SQL. */
export function qualified({ schema, name }: QualifiedName): string {
  return `${identifier(schema)}.${identifier(name)}`
}

/** The columns as SQL, separated by commas. */
export function identifiers(names: readonly string[]): string {
  return names.map((name) => identifier(name)).join(', ')
}

/** `text` as an SQL string constant, whatever `standard_conforming_strings` says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

/** How a table or a role is written in messages: without quotes. */
export function displayName({ schema, name }: QualifiedName): string {
  return `${schema}.${name}`
}

/** Whether both name the same object. */
export function sameName(left: QualifiedName, right: QualifiedName): boolean {
  return left.schema === right.schema && left.name === right.name
}

/**
 * The name of an object that Tenantry makes: `tenantry_` and the rest, so that an ORM's migration generator can tell
 * it from its own. One too long for PostgreSQL ends in a hash of the whole instead of being cut, which would make two
 * names one.
 */
export function ownName(...parts: readonly string[]): string {
  const name = ['tenantry', ...parts].join('_')
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  const room = LONGEST_NAME - hash.length - 1
  // Half a character at the cut becomes a replacement character, which goes.
  const kept = Buffer.from(name)
    .subarray(0, room)
    .toString()
    .replace(/\uFFFD+$/, '')
  return `${kept}_${hash}`
}

/**
 * The words that `quote_ident` quotes: all but the unreserved ones, of PostgreSQL 14 to 18.
 * https://www.postgresql.org/docs/current/sql-keywords-appendix.html
 */
const reservedWords: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast
  char character check coalesce collate collation column concurrently constraint create cross current_catalog
  current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable
  desc distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group
  grouping having ilike in initially inner inout int integer intersect interval into is isnull join json json_array
  json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
  lateral leading least left like limit localtime localtimestamp merge_action national natural nchar none normalize not
  notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary
  real references returning right row select session_user setof similar smallint some substring symmetric system_user
  table tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic
  verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
  xmlroot xmlserialize xmltable`.split(/\s+/),
)
