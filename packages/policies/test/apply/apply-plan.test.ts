import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyPlan, undoPlan } from '../../src/apply/apply-plan.ts'
import type { PlanProgress } from '../../src/apply/run-steps.ts'
import { TenantryError } from '../../src/errors.ts'
import type { Query } from '../../src/query.ts'
import { openDatabase, type OpenDatabase } from '../support/open-database.ts'
import {
  columnsOfNotes,
  handWrittenPlan,
  NO_TENANT,
  SMALL_SCHEMA,
  step,
} from './support/hand-written-plan.ts'

let database: OpenDatabase
let owner: Query

beforeEach(async () => {
  database = await openDatabase('apply', SMALL_SCHEMA)
  owner = database.owner
})
afterEach(() => database.close())

const addOne = step('add one', ['ALTER TABLE public.notes ADD COLUMN IF NOT EXISTS one integer'], {
  undo: ['ALTER TABLE public.notes DROP COLUMN IF EXISTS one'],
})
const addTwo = step('add two', ['ALTER TABLE public.notes ADD COLUMN IF NOT EXISTS two integer'], {
  phase: 'protect',
  undo: ['ALTER TABLE public.notes DROP COLUMN IF EXISTS two'],
})
const failing = step('fail', ['ALTER TABLE public.notes ADD COLUMN three integer', 'SELECT 1 / 0'], {
  phase: 'contract',
})
const indexBody = step(
  'index body',
  ['CREATE INDEX CONCURRENTLY IF NOT EXISTS tenantry_body ON public.notes (body)'],
  {
    phase: 'backfill',
    transaction: false,
    undo: ['DROP INDEX CONCURRENTLY IF EXISTS public.tenantry_body'],
  },
)

async function errorOf(work: Promise<unknown>): Promise<TenantryError> {
  const error: unknown = await work.then(
    () => expect.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof TenantryError) return error
  throw error
}

async function settingsOf(query: Query): Promise<unknown> {
  const { rows } = await query(
    `SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement, current_setting('row_security') AS security`,
  )
  return rows[0]
}

describe('an offline plan', () => {
  test('is applied as a whole, and says what was done', async () => {
    const plan = await handWrittenPlan(owner, [addOne, addTwo])
    const { steps, remaining } = await applyPlan(owner, plan)
    expect(steps.map(({ id }) => id)).toEqual(['add one', 'add two'])
    expect(remaining).toEqual([])
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body', 'one', 'two'])
  })

  test('leaves nothing behind when a step fails', async () => {
    const plan = await handWrittenPlan(owner, [addOne, failing])
    const error = await errorOf(applyPlan(owner, plan))
    expect(error.code).toBe('PLAN_FAILED')
    expect(error.message).toContain('The step "fail" failed: division by zero.')
    expect(error.message).toContain('nothing was changed')
    expect(error.cause).toMatchObject({ code: '22012' })
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body'])
    // The connection is not left inside the failed transaction.
    expect(await settingsOf(owner)).toEqual({ lock: '0', statement: '0', security: 'on' })
  })

  test('says so when only COMMIT finds that a deferred constraint is broken', async () => {
    await owner(
      'ALTER TABLE notes ADD CONSTRAINT later FOREIGN KEY (tenant_id) REFERENCES tenants DEFERRABLE INITIALLY DEFERRED',
    )
    await owner('ALTER TABLE notes DROP CONSTRAINT notes_tenant_id_fkey')
    const plan = await handWrittenPlan(owner, [step('orphan', ['UPDATE public.notes SET tenant_id = 9'])])
    const error = await errorOf(applyPlan(owner, plan))
    expect(error.message).toContain('COMMIT failed')
    expect(error.cause).toMatchObject({ code: '23503' })
  })

  test('is part of the caller’s transaction if one is open, which the caller ends', async () => {
    const plan = await handWrittenPlan(owner, [addOne], { checks: [{ ...NO_TENANT, sql: noneFound }] })
    await owner('BEGIN')
    await owner(`SET LOCAL lock_timeout = '7s'`)
    await applyPlan(owner, plan, { lockTimeout: 100 })
    expect(await settingsOf(owner)).toEqual({ lock: '7s', statement: '0', security: 'on' })
    expect(await columnsOfNotes(owner)).toContain('one')
    await owner('ROLLBACK')
    expect(await columnsOfNotes(owner)).not.toContain('one')
  })

  test('that fails in the caller’s transaction leaves what the caller did before, and its transaction usable', async () => {
    const plan = await handWrittenPlan(owner, [addOne, failing])
    await owner('BEGIN')
    await owner(`INSERT INTO notes VALUES (9, 1, 'mine')`)
    expect((await errorOf(applyPlan(owner, plan))).code).toBe('PLAN_FAILED')
    await owner('COMMIT')
    expect((await owner('SELECT body FROM notes WHERE id = 9')).rows).toEqual([{ body: 'mine' }])
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body'])
  })
})

const noneFound = `SELECT 0::bigint AS count, NULL::text[] AS examples`

describe('an online plan', () => {
  test('keeps the steps before one that fails, which also leaves no half of itself, and goes on when run again', async () => {
    const plan = await handWrittenPlan(owner, [addOne, indexBody, failing], { shape: 'online' })
    const error = await errorOf(applyPlan(owner, plan))
    expect(error.code).toBe('PLAN_FAILED')
    expect(error.message).toContain(
      '2 of 3 steps were applied before it, the last of them "index body", and stay so.',
    )
    expect(error.message).toContain('can be applied again')
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body', 'one'])

    const mended = { ...plan, steps: [addOne, indexBody, addTwo] }
    expect((await applyPlan(owner, mended)).steps).toHaveLength(3)
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body', 'one', 'two'])
  })

  test('is refused in an open transaction, and leaves that as it is', async () => {
    const plan = await handWrittenPlan(owner, [addOne], { shape: 'online' })
    await owner('BEGIN')
    await owner(`INSERT INTO notes VALUES (9, 1, 'mine')`)
    const error = await errorOf(applyPlan(owner, plan))
    expect(error.code).toBe('PLAN_BLOCKED')
    expect(error.message).toContain('A transaction is open on this connection')
    await owner('COMMIT')
    expect((await owner('SELECT body FROM notes WHERE id = 9')).rows).toHaveLength(1)
    expect(await columnsOfNotes(owner)).not.toContain('one')
  })

  test('stops after the phase that was asked for, and says what remains', async () => {
    const plan = await handWrittenPlan(owner, [addOne, addTwo, failing], { shape: 'online' })
    const { steps, remaining } = await applyPlan(owner, plan, { until: 'protect' })
    expect(steps).toEqual([addOne, addTwo])
    expect(remaining).toEqual([failing])
  })

  test('gives up waiting for a lock, lets others through, and tries again', async () => {
    const plan = await handWrittenPlan(owner, [addOne], { shape: 'online' })
    const other = await database.connect('owner')
    await other.query('BEGIN')
    await other.query('SELECT * FROM notes')
    const attempts: string[] = []
    const watched: Query = async (text, values) => {
      attempts.push(...(text.startsWith('ALTER') ? [text] : []))
      // The third attempt finds the table free.
      if (attempts.length === 3 && text.startsWith('ALTER')) await other.query('COMMIT')
      return owner(text, values)
    }
    await applyPlan(watched, plan, { lockTimeout: 20 })
    expect(attempts).toHaveLength(3)
    expect(await columnsOfNotes(owner)).toContain('one')
    await other.end()
  })

  test('fails after the last attempt with the database’s error, and names what to look at', async () => {
    const plan = await handWrittenPlan(owner, [addOne], { shape: 'online' })
    const other = await database.connect('owner')
    await other.query('BEGIN')
    await other.query('SELECT * FROM notes')
    const error = await errorOf(applyPlan(owner, plan, { lockTimeout: 20, attempts: 2 }))
    expect(error.cause).toMatchObject({ code: '55P03' })
    expect(error.message).toContain('It did not get its locks in 2 attempts of 20 ms')
    expect(error.message).toContain('pg_blocking_pids')
    await other.query('COMMIT')
    await other.end()
  })

  test('waits for locks only so long in transactions, and without limit outside of them, where an index would stay behind invalid', async () => {
    const look = (place: number): string =>
      `INSERT INTO public.notes VALUES (${place}, 1, current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'))`
    const inside = step('inside', [look(11)])
    const outside = step('outside', [look(12)], { transaction: false })
    await owner(`SET lock_timeout = '20ms'`)
    await owner(`SET statement_timeout = '30s'`)
    const plan = await handWrittenPlan(owner, [inside, outside], { shape: 'online' })
    await applyPlan(owner, plan, { lockTimeout: 1234 })
    const { rows } = await owner('SELECT body FROM notes WHERE id > 10 ORDER BY id')
    expect(rows.map(({ body }) => body)).toEqual(['1234ms 0', '0 0'])
  })

  test('leaves the session’s settings as they were, after success and after failure', async () => {
    await owner(`SET lock_timeout = '7s'`)
    await owner(`SET statement_timeout = '8s'`)
    const before = await settingsOf(owner)
    const broken = step('broken', ['SELECT 1 / 0'], { transaction: false })
    const plan = await handWrittenPlan(owner, [addOne, indexBody, broken], { shape: 'online' })
    await errorOf(applyPlan(owner, plan))
    expect(await settingsOf(owner)).toEqual(before)
    await applyPlan(owner, { ...plan, steps: [addOne, indexBody] })
    expect(await settingsOf(owner)).toEqual(before)
  })

  test('reports the step’s own error even if the connection is gone with it', async () => {
    const plan = await handWrittenPlan(
      owner,
      [step('cut', ['SELECT pg_terminate_backend(pg_backend_pid())'])],
      {
        shape: 'online',
      },
    )
    const connection = await database.connect('superuser')
    const error = await errorOf(applyPlan(connection.query, plan))
    expect(error.cause).toMatchObject({ code: '57P01' })
    expect(error.message).toContain('The step "cut" failed')
    await connection.end().catch(() => {})
  })
})

describe('a foreign key on a table whose FORCE hides its rows from the owner', () => {
  const validate = 'ALTER TABLE public.notes VALIDATE CONSTRAINT wrong'

  beforeEach(async () => {
    await owner('ALTER TABLE notes DROP CONSTRAINT notes_tenant_id_fkey')
    await owner('UPDATE notes SET tenant_id = 99 WHERE id = 3')
    await owner('ALTER TABLE notes ADD CONSTRAINT wrong FOREIGN KEY (tenant_id) REFERENCES tenants NOT VALID')
    await owner('ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')
  })

  async function isValid(): Promise<unknown> {
    const { rows } = await owner(`SELECT convalidated AS valid FROM pg_constraint WHERE conname = 'wrong'`)
    return rows[0]?.['valid']
  }

  test('counts as valid without being checked when the owner validates it by hand', async () => {
    await owner(validate)
    expect(await isValid()).toBe(true)
  })

  test.each(['offline', 'online'] as const)('is not validated unseen by an %s plan', async (shape) => {
    const plan = await handWrittenPlan(owner, [step('validate', [validate])], { shape })
    const error = await errorOf(applyPlan(owner, plan))
    expect(error.message).toContain('query would be affected by row-level security policy for table "notes"')
    expect(await isValid()).toBe(false)
  })
})

test('progress is told after each step, with its place and its time', async () => {
  const plan = await handWrittenPlan(owner, [addOne, indexBody, addTwo], { shape: 'online' })
  const events: PlanProgress[] = []
  await applyPlan(owner, plan, { onProgress: (event) => events.push(event) })
  expect(events.map(({ step: { id }, index, total }) => [id, index, total])).toEqual([
    ['add one', 0, 3],
    ['index body', 1, 3],
    ['add two', 2, 3],
  ])
  for (const { milliseconds } of events) expect(milliseconds).toBeGreaterThan(0)
})

test('rows in the way stop a plan before anything is changed, and the message lists them', async () => {
  const plan = await handWrittenPlan(owner, [addOne], { shape: 'online', checks: [NO_TENANT] })
  const error = await errorOf(applyPlan(owner, plan))
  expect(error.code).toBe('PLAN_BLOCKED')
  expect(error.problems).toEqual([
    {
      code: 'TENANT_MISSING',
      object: 'public.notes',
      message: 'Its rows say no tenant.',
      fix: 'Fill tenant_id.',
      rows: { count: 2, examples: ['3', '4'] },
    },
  ])
  expect(error.message).toContain(
    '- public.notes (TENANT_MISSING): Its rows say no tenant. 2 rows: 3, 4. Fill tenant_id.',
  )
  expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body'])
})

test('an empty plan asks and changes nothing', async () => {
  const plan = await handWrittenPlan(owner, [], { checks: [NO_TENANT] })
  const silent: Query = () => expect.fail('it asked')
  expect(await applyPlan(silent, plan)).toEqual({ steps: [], remaining: [] })
  expect(await undoPlan(silent, plan)).toEqual({ steps: [], remaining: [] })
})

describe.each(['offline', 'online'] as const)('undoing an %s plan', (shape) => {
  test('takes its steps back in reverse order, also of one that was cut off', async () => {
    const steps = shape === 'online' ? [addOne, indexBody, addTwo] : [addOne, addTwo]
    const plan = await handWrittenPlan(owner, steps, { shape })
    await applyPlan(owner, plan)
    const { steps: undone } = await undoPlan(owner, plan)
    expect(undone).toEqual(steps.toReversed())
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body'])

    await applyPlan(owner, plan, { until: 'expand' })
    expect(await columnsOfNotes(owner)).toContain('one')
    await undoPlan(owner, plan)
    expect(await columnsOfNotes(owner)).toEqual(['id', 'tenant_id', 'body'])
  })
})
