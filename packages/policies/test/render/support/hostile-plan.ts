import { expect } from 'vitest'
import { literal } from '../../../src/identifiers.ts'
import type { Plan, PlanShape, Step } from '../../../src/plan/plan.ts'
import type { Query } from '../../../src/query.ts'
import { handWrittenPlan, NO_TENANT, step } from '../../apply/support/hand-written-plan.ts'

/** What some tool or other takes for something of its own. */
const HOSTILE_TEXT = [
  '`',
  '${name}',
  '$1',
  '$$',
  '$tenantry$',
  '\\',
  '\\n',
  "it's",
  '{name}',
  '{{name}}',
  ':name',
  ":'name'",
  '::text',
  ';',
  '--> statement-breakpoint',
  '-- comment',
  '/* comment',
  '*/',
  '%',
  '%s',
  '?',
  '\n',
  '\r',
  '\u2028',
  'ü 💥',
  '\\set x y',
  '!',
].join(' | ')

const HOSTILE_NAME = 'odd ` ${x} $1 \\ {y} :z --> statement-breakpoint "; \' name'

/** As SQL writes them in the three ways, each with the whole text. */
const constants: readonly string[] = [
  literal(HOSTILE_TEXT),
  `'${HOSTILE_TEXT.replaceAll("'", "''")}'`,
  `$quote$${HOSTILE_TEXT}$quote$`,
]

const quotedName = `"${HOSTILE_NAME.replaceAll('"', '""')}"`

const values = step(
  'table',
  [`CREATE TABLE IF NOT EXISTS public.hostile (place integer PRIMARY KEY, body text)`],
  {
    reason:
      'Reasons\nmay be long, \u2028 end comments */ early, or hold `code ${x}` and --> statement-breakpoint marks.',
    risk: {
      lock: { mode: 'SHARE', tables: ['public.a\nb'] },
      rewrites: true,
      scans: true,
      note: 'Of :note.',
    },
    undo: ['DROP TABLE IF EXISTS public.hostile'],
  },
)

const fill = step(
  `fill: ${HOSTILE_TEXT}`,
  constants.map(
    (constant, place) =>
      `INSERT INTO public.hostile VALUES (${place}, ${constant}) ON CONFLICT (place) DO UPDATE SET body = excluded.body`,
  ),
  { phase: 'backfill', undo: ['DELETE FROM public.hostile'] },
)

const slice = step(
  'slice',
  [
    'CREATE OR REPLACE VIEW public.sliced AS SELECT (ARRAY[1, 2, 3])[1:two] AS part, two::text AS same FROM (SELECT 2 AS two) AS numbers',
    `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname = ${literal(HOSTILE_NAME)}) THEN CREATE VIEW public.${quotedName} AS SELECT 1 AS one; END IF; END $$`,
    // Returns a row.
    'SELECT count(*) FROM public.hostile',
  ],
  {
    phase: 'protect',
    undo: [`DROP VIEW IF EXISTS public.sliced`, `DROP VIEW IF EXISTS public.${quotedName}`],
  },
)

const index = step(
  'index',
  ['CREATE INDEX CONCURRENTLY IF NOT EXISTS tenantry_body ON public.notes (body)'],
  {
    phase: 'backfill',
    transaction: false,
    undo: ['DROP INDEX CONCURRENTLY IF EXISTS public.tenantry_body'],
  },
)

const batches = step(
  'batches',
  [
    'DO $$ BEGIN UPDATE public.notes SET body = body; COMMIT; UPDATE public.notes SET body = body; COMMIT; END $$',
    'DROP INDEX CONCURRENTLY IF EXISTS public.nothing',
  ],
  { phase: 'backfill', transaction: false },
)

/** A plan that asks everything of a renderer. For the small schema without rows that lack a tenant. */
export async function hostilePlan(query: Query, shape: PlanShape, more: readonly Step[] = []): Promise<Plan> {
  const steps = shape === 'online' ? [values, fill, index, batches, slice] : [values, fill, slice]
  return handWrittenPlan(query, [...steps, ...more], { shape, checks: [NO_TENANT] })
}

/** A step that fails in its second half. */
export const FAILING = step(
  'fail',
  ['ALTER TABLE public.notes ADD COLUMN half integer', 'ALTER TABLE public.notes DROP COLUMN nothing'],
  {
    phase: 'contract',
  },
)

/** What of the plan is there. */
export async function hostileState(
  query: Query,
): Promise<{ table: boolean; views: number; index: boolean; half: boolean }> {
  const { rows } = await query(
    `SELECT to_regclass('public.hostile') IS NOT NULL AS "table",
      (SELECT count(*)::integer FROM pg_views WHERE schemaname = 'public' AND viewname IN ('sliced', $1)) AS views,
      to_regclass('public.tenantry_body') IS NOT NULL AS index,
      EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.notes'::regclass AND attname = 'half' AND NOT attisdropped) AS half`,
    [HOSTILE_NAME],
  )
  return rows[0] as Awaited<ReturnType<typeof hostileState>>
}

export const NOTHING = { table: false, views: 0, index: false, half: false }

/** That the plan was applied, and every text arrived as it was written. */
export async function expectApplied(query: Query, shape: PlanShape): Promise<void> {
  expect(await hostileState(query)).toEqual({ table: true, views: 2, index: shape === 'online', half: false })
  const { rows } = await query('SELECT body FROM public.hostile ORDER BY place')
  expect(rows.map(({ body }) => body)).toEqual(constants.map(() => HOSTILE_TEXT))
  expect((await query('SELECT part, same FROM public.sliced')).rows).toEqual([{ part: [1, 2], same: '2' }])
}
