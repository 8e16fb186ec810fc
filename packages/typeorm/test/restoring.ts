import type { Row, TestDatabase } from '@tenantry/testing'

const TABLES = ['projects', 'tags', 'folders', 'tasks', 'project_tags', 'folders_closure']

/** How many rows each tenant has at first. */
export const untouched = {
  projects: 2,
  tags: 1,
  folders: 2,
  tasks: 6,
  project_tags: 2,
  folders_closure: 3,
}

/** How many rows a tenant has, as a superuser sees it. */
export async function ownedBy({ query }: TestDatabase, tenant: string): Promise<Partial<typeof untouched>> {
  const counts = await Promise.all(
    TABLES.map(async (table) => {
      const [row] = await query<{ n: number }>(
        `select count(*)::int as n from ${table} where tenant_id = $1`,
        [tenant],
      )
      return [table, row?.n] as const
    }),
  )
  return Object.fromEntries(counts)
}

/** Undoes what a test does to rows that others expect. */
export async function restoring(database: TestDatabase, work: () => Promise<void>): Promise<void> {
  const before = await Promise.all(
    TABLES.map((table) => database.query(`select to_jsonb(t) as row from ${table} t order by 1`)),
  )
  try {
    await work()
  } finally {
    await restore(database, before)
  }
}

async function restore({ query }: TestDatabase, before: readonly Row[][]): Promise<void> {
  await query(`truncate ${TABLES.join(', ')}`)
  for (const [index, table] of TABLES.entries()) {
    await query(
      `insert into ${table} select r.* from unnest($1::jsonb[]) as j, jsonb_populate_record(null::${table}, j) as r`,
      [before[index]?.map(({ row }) => row)],
    )
  }
}
