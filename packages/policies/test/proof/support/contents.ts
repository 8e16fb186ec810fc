import type { Query } from '../../../src/query.ts'

/** All rows of all tables, by table: each row as JSON, sorted. Asked of the superuser, who sees all. */
export async function contentsOf(superuser: Query): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const { rows: tables } = await superuser(
    `SELECT format('%I.%I', nspname, relname) AS name
     FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind = 'r' AND nspname NOT IN ('information_schema', 'pg_catalog', 'pg_toast')
     ORDER BY 1`,
  )
  const names = tables.map(({ name }) => String(name))
  // ONLY: what inherits from a table is a table of its own.
  const parts = names.map(
    (name) =>
      `(SELECT coalesce(json_agg(row ORDER BY row::text), '[]') FROM (SELECT to_jsonb(each) AS row FROM ONLY ${name} AS each) AS rows)`,
  )
  const { rows } = await superuser(`SELECT json_build_array(${parts.join(', ')}) AS contents`)
  const contents = rows[0]?.['contents'] as readonly (readonly unknown[])[]
  return Object.fromEntries(names.map((name, at) => [name, contents[at] ?? []]))
}
