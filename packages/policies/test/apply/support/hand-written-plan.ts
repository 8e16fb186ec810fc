import { readCatalogue } from '../../../src/catalogue/read-catalogue.ts'
import { defineTenancy } from '../../../src/model/define-tenancy.ts'
import { resolveTenancy } from '../../../src/model/resolve-tenancy.ts'
import type { DataCheck, Plan, PlanShape, Step } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'

/** Tables of two kinds with a few rows. */
export const SMALL_SCHEMA = `
  CREATE TABLE tenants (id integer PRIMARY KEY, name text NOT NULL);
  CREATE TABLE notes (id integer PRIMARY KEY, tenant_id integer REFERENCES tenants (id), body text);
  INSERT INTO tenants VALUES (1, 'One'), (2, 'Two');
  INSERT INTO notes VALUES (1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'c'), (4, NULL, 'd');
`

/** A step of which only what matters to a test is said. */
export function step(id: string, statements: readonly string[], rest: Partial<Step> = {}): Step {
  return {
    id,
    phase: 'expand',
    statements,
    transaction: true,
    reason: `Because of ${id}.`,
    risk: { lock: null, rewrites: false, scans: false, note: null },
    undo: [],
    ...rest,
  }
}

/** A plan of the given steps for the small schema as it is now. */
export async function handWrittenPlan(
  query: Query,
  steps: readonly Step[],
  { shape = 'offline', checks = [] }: { shape?: PlanShape; checks?: readonly DataCheck[] } = {},
): Promise<Plan> {
  const tenancy = defineTenancy({ tenantTable: 'tenants' })
  const resolved = resolveTenancy(tenancy, await readCatalogue(query, tenancy))
  return { shape, steps, checks, notes: [], tenancy: resolved }
}

/** Rows of `notes` without a tenant. */
export const NO_TENANT: DataCheck = {
  code: 'TENANT_MISSING',
  object: 'public.notes',
  sql: `SELECT count(*) AS count, (array_agg(id::text ORDER BY id))[1:5] AS examples
FROM public.notes WHERE tenant_id IS NULL`,
  message: 'Its rows say no tenant.',
  fix: 'Fill tenant_id.',
}

/** Names of the columns of `notes`. */
export async function columnsOfNotes(query: Query): Promise<readonly string[]> {
  const { rows } = await query(
    `SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'public.notes'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  )
  return rows.map((row) => String(row['name']))
}
