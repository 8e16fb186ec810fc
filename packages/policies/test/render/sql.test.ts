import { describe, afterEach, beforeEach, expect, test } from 'vitest'
import { renderSql } from '../../src/render/render-sql.ts'
import { sqlParts } from '../../src/render/sql-parts.ts'
import { handWrittenPlan, NO_TENANT, SMALL_SCHEMA, step } from '../apply/support/hand-written-plan.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import { expectApplied, FAILING, hostilePlan, hostileState, NOTHING } from './support/hostile-plan.ts'
import { runAsPsql } from './support/psql.ts'

let database: OpenDatabase

beforeEach(async () => {
  database = await openDatabase('sql', SMALL_SCHEMA)
})
afterEach(() => database.close())

describe.each(['offline', 'online'] as const)('an %s plan as SQL', (shape) => {
  test('goes up and down, statement by statement', async () => {
    await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
    const plan = await hostilePlan(database.owner, shape)
    await runAsPsql(database.owner, renderSql(plan, { direction: 'up' }))
    await expectApplied(database.superuser, shape)
    await runAsPsql(database.owner, renderSql(plan, { direction: 'down' }))
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('changes nothing while rows are in the way, and says which', async () => {
    const script = renderSql(await hostilePlan(database.owner, shape))
    await expect(runAsPsql(database.owner, script)).rejects.toThrow(
      'Rows are in the way of this migration, and nothing was changed:\n' +
        '- public.notes (TENANT_MISSING): Its rows say no tenant. Rows: 2, such as 3, 4. Fill tenant_id.',
    )
    await database.owner('ROLLBACK')
    expect(await hostileState(database.superuser)).toEqual(NOTHING)
  })

  test('finds rows that FORCE hides from the owner, and leaves FORCE as it is', async () => {
    const steps = [step('table', ['CREATE TABLE public.made (id integer)'])]
    const script = renderSql(await handWrittenPlan(database.owner, steps, { shape, checks: [NO_TENANT] }))
    await database.owner('ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
    expect((await database.owner(NO_TENANT.sql)).rows[0]).toMatchObject({ count: '0' })
    await expect(runAsPsql(database.owner, script)).rejects.toThrow('Rows: 2, such as 3, 4.')
    await database.owner('ROLLBACK')

    await database.superuser('DELETE FROM notes WHERE tenant_id IS NULL')
    await runAsPsql(database.owner, script)
    const { rows } = await database.owner(
      `SELECT relforcerowsecurity AS forced, current_setting('row_security') AS security, to_regclass('made') IS NOT NULL AS made
        FROM pg_class WHERE relname = 'notes'`,
    )
    expect(rows).toEqual([{ forced: true, security: 'on', made: true }])
  })

  test('is refused rather than passing over rows that FORCE hides', async () => {
    const steps = [step('fill', ['UPDATE public.notes SET tenant_id = 1'])]
    const script = renderSql(await handWrittenPlan(database.owner, steps, { shape }))
    await database.owner('ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
    await expect(runAsPsql(database.owner, script)).rejects.toThrow(
      'query would be affected by row-level security policy for table "notes"',
    )
    await database.owner('ROLLBACK')
  })

  test('is refused rather than blind as a role that cannot see the rows', async () => {
    const script = renderSql(await hostilePlan(database.owner, shape))
    await database.owner('ALTER TABLE notes ENABLE ROW LEVEL SECURITY')
    await database.owner('GRANT SELECT ON notes TO tenantry_app')
    await expect(runAsPsql(database.app, script)).rejects.toThrow(
      'query would be affected by row-level security policy',
    )
  })
})

test('an offline plan is plain SQL, which any client can send as one text', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  await database.owner(renderSql(await hostilePlan(database.owner, 'offline')))
  await expectApplied(database.superuser, 'offline')
})

test('an offline plan that fails changes nothing', async () => {
  await database.owner('DELETE FROM notes WHERE tenant_id IS NULL')
  const script = renderSql(await hostilePlan(database.owner, 'offline', [FAILING]))
  await expect(database.owner(script)).rejects.toThrow('column "nothing"')
  await database.owner('ROLLBACK')
  expect(await hostileState(database.superuser)).toEqual(NOTHING)
})

test('an online plan waits for locks only so long in transactions, and without limit outside of them', async () => {
  const look = (place: number): string =>
    `INSERT INTO public.seen VALUES (${place}, current_setting('lock_timeout'), current_setting('statement_timeout'))`
  const plan = await handWrittenPlan(
    database.owner,
    [
      step('table', ['CREATE TABLE public.seen (place integer, lock text, statement text)']),
      step('inside', [look(1)]),
      step('outside', [look(2)], { transaction: false }),
    ],
    { shape: 'online' },
  )
  await database.owner(`SET statement_timeout = '30s'`)
  await runAsPsql(database.owner, renderSql(plan, { lockTimeout: 1234 }))
  expect((await database.owner('SELECT lock, statement FROM seen ORDER BY place')).rows).toEqual([
    { lock: '1234ms', statement: '0' },
    { lock: '0', statement: '0' },
  ])
})

test('phases can be rendered one by one, each with the checks before it', async () => {
  const plan = await hostilePlan(database.owner, 'online')
  const protect = renderSql(plan, { phase: 'protect' })
  expect(protect).toContain('-- slice (protect)')
  expect(protect).toContain('TENANT_MISSING')
  expect(protect).not.toContain('(expand)')
  const both = renderSql(plan, { phase: ['expand', 'protect'] })
  expect(both).toContain('(expand)')
  expect(both).not.toContain('(backfill)')
  expect(renderSql(plan, { phase: 'contract' })).toBe('-- Nothing to do.\n')
})

test('above each step stand its reason and its risk', async () => {
  const risk = {
    lock: { mode: 'ACCESS EXCLUSIVE', tables: ['public.notes', 'public.tenants'] },
    rewrites: true,
    scans: true,
    note: 'Old code stops working.',
  } as const
  const plan = await handWrittenPlan(database.owner, [step('one', ['SELECT 1'], { risk })])
  expect(renderSql(plan)).toContain(`-- one (expand)
-- Because of one.
-- Lock: ACCESS EXCLUSIVE on public.notes, public.tenants. Writes every row anew. Reads the whole table.
-- Note: Old code stops working.
SELECT 1;`)
})

test('psql stops an online script at the first error', async () => {
  expect(renderSql(await hostilePlan(database.owner, 'online'))).toMatch(/^\\set ON_ERROR_STOP on$/m)
})

test.each([
  `SELECT 'it''s', "a""b", E'\\'', $$;$$, $x$ $$ $y$ $x$, a$b$c -- ;'`,
  `/* a /* b; */ c */ SELECT 1 /* open`,
  `SELECT name'text', U&'x', "é"$$`,
])('taken apart and joined again, SQL is the same: %s', (sql) => {
  const parts = sqlParts(sql)
  expect(parts.map(({ text }) => text).join('')).toBe(sql)
  expect(
    parts
      .filter(({ kind }) => kind === 'code')
      .map(({ text }) => text)
      .join(''),
  ).not.toMatch(/;/)
})
