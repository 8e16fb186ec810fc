import type { QualifiedName } from '../identifiers.ts'
import type { Table } from './catalogue.ts'
import { readColumns } from './read-columns.ts'
import { readCheckConstraints, readForeignKeys } from './read-constraints.ts'
import { readIndexes } from './read-indexes.ts'
import { extensionOf, grantsOf, jsonList, readJson, type ByRelation, type Reading } from './read-json.ts'
import { readColumnGrants, readPolicies, readRules, readTriggers } from './read-table-parts.ts'

/** What the tables' own rows of `pg_class` say. */
interface BareTable
  extends
    QualifiedName,
    Pick<Table, 'kind' | 'owner' | 'extension' | 'partitionOf' | 'partitionKey' | 'inherits' | 'rowSecurity'>,
    Pick<Table, 'forceRowSecurity' | 'estimatedRows' | 'pages' | 'grants'> {
  readonly id: string
}

/** Each kind of part is read for all tables at once. */
export async function readTables(reading: Reading): Promise<readonly Table[]> {
  const bare = await readJson<readonly BareTable[]>(reading.query, tables, [reading.schemaIds])
  const columns = await readColumns(reading)
  const checks = await readCheckConstraints(reading)
  const foreignKeys = await readForeignKeys(reading)
  const indexes = await readIndexes(reading)
  const policies = await readPolicies(reading)
  const triggers = await readTriggers(reading)
  const columnGrants = await readColumnGrants(reading)
  const rules = await readRules(reading)
  return bare.map(({ id, ...table }) => ({
    ...table,
    columns: partsOf(columns, id),
    checks: partsOf(checks, id),
    foreignKeys: partsOf(foreignKeys, id),
    indexes: partsOf(indexes, id),
    policies: partsOf(policies, id),
    triggers: partsOf(triggers, id),
    columnGrants: partsOf(columnGrants, id),
    rules: partsOf(rules, id),
  }))
}

function partsOf<T>(parts: ByRelation<T>, id: string): readonly T[] {
  return parts[id] ?? []
}

const parents = `FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent
  JOIN pg_namespace AS parent_schema ON parent_schema.oid = parent.relnamespace WHERE inhrelid = relation.oid`
const parentName = `json_build_object('schema', parent_schema.nspname, 'name', parent.relname)`

const tables = jsonList(
  `json_build_object(
    'id', relation.oid::text,
    'schema', nspname,
    'name', relname,
    'kind', CASE relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END,
    'owner', pg_get_userbyid(relowner),
    'extension', ${extensionOf('pg_class', 'relation.oid')},
    'partitionOf', (SELECT ${parentName} ${parents} AND relation.relispartition),
    'partitionKey', CASE relkind WHEN 'p' THEN pg_get_partkeydef(relation.oid) END,
    'inherits', ${jsonList(parentName, 'inhseqno', `${parents} AND NOT relation.relispartition`)},
    'rowSecurity', relrowsecurity,
    'forceRowSecurity', relforcerowsecurity,
    'estimatedRows', reltuples,
    'pages', coalesce(pg_relation_size(relation.oid), 0) / current_setting('block_size')::bigint,
    'grants', ${grantsOf('relacl', 'r', 'relowner')}
  )`,
  'nspname, relname',
  `FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
   WHERE relnamespace = ANY ($1::text::oid[]) AND relkind IN ('r', 'p', 'f')`,
)
